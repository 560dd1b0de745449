# Results that cannot be written are a failure, not a short success.
run sh -c 'mcunet -h > /dev/full'
run sh -c 'mcunet boards --json > /dev/full'
