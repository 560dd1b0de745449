# What a mistyped command line is told.
run mcunet
run mcunet --version
run mcunet --verzion
run mcunet bords
run mcunet xyzzy
run mcunet help xyzzy
run mcunet boards --jsno
run mcunet boards -x
run mcunet boards stm32f746 stm32h743
run mcunet doctor now
run mcunet boards -h
run mcunet help boards
