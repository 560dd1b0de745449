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
