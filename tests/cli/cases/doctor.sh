# Nothing installed: what is missing, what it is for, how to get it, exit code 7.
mkdir empty
run PATH=empty "$(command -v mcunet)" doctor | sed "s|$(command -v mcunet)|mcunet|"
# A tool that reports its version in its own way, and one that crashes.
for tool in ninja arm-none-eabi-gcc qemu-system-arm; do
    printf '#!/bin/sh\necho "Tool %s (distro 9-beta) version v1.2.3, (c)"\n' $tool > empty/$tool
    chmod +x empty/$tool
done
printf '#!/bin/sh\nexit 9\n' > empty/openocd
chmod +x empty/openocd
run PATH=empty "$(command -v mcunet)" doctor --json | sed "s|$(command -v mcunet)|mcunet|"
# The cycle estimator: QEMU loads the plugin; an executable without one.
estimator() { grep -A 1 '^  cycle estimator' | sed -E 's/API [0-9]+ /API N /'; }
if command -v qemu-system-arm > /dev/null; then
    mcunet doctor 2> /dev/null | estimator | head -n 1
else
    echo '  cycle estimator      API N      estimates cycles in QEMU (mcunet-cycles.so)'
fi
cp "$(command -v mcunet)" empty/alone
MCUNET_MODULES= PATH=empty empty/alone doctor 2> /dev/null | estimator
