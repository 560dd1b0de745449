#!/bin/sh
# run.sh [--update]: exact instructions of every case of bench.c and of every layer of networks.csv on Cortex-M7 and Cortex-M4 (QEMU),
# and the code bytes of every kernel. Prints CSV; --update writes tests/regression/kernels_dsp.csv, kernels_dsp_networks.csv and
# kernels_dsp_code.csv. Run in the repository's root.
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for core in cortex-m7 cortex-m4; do
    tests/kernels/dsp/qemu.sh $core "$work/$core.elf" tests/bench/kernels/bench.c -- -icount shift=0 >"$work/$core.csv"
    tests/kernels/dsp/qemu.sh $core "$work/networks.elf" tests/bench/kernels/networks.c -- -icount shift=0 >"$work/$core.networks"
    arm-none-eabi-nm -S --defined-only "$work/$core.elf" | awk '$4 ~ /^mcu_/ && $3 ~ /[Tt]/ { print $4 "," $2 }' |
        grep -v -e __ref -e _pack -e _bytes -e _supports | sort >"$work/$core.size"
done
# One line per case: what M7 and M4 have in common, then instructions and instructions per multiply-accumulate of each.
paste -d, "$work/cortex-m7.csv" "$work/cortex-m4.csv" |
    awk -F, 'NR == 1 { print "kernel,shape,schedule,scratch_bytes,macs,m7_instructions,m7_per_mac,m4_instructions,m4_per_mac"; next }
             { print $1 "," $2 "," $3 "," $7 "," $4 "," $5 "," $6 "," $12 "," $13 }' >"$work/kernels_dsp.csv"
# The schedule is the one that is best on M7.
paste -d, "$work/cortex-m7.networks" "$work/cortex-m4.networks" |
    awk -F, 'NR == 1 { print "network,kernel,shape,schedule,macs,m7_instructions,m7_per_mac,scratch_bytes,m7_wide,m4_instructions,m4_wide"; next }
             { print $1 "," $2 "," $3 "," $4 "," $5 "," $6 "," $7 "," $8 "," $9 "," $15 "," $18 }' >"$work/kernels_dsp_networks.csv"
{
    echo "function,m7_bytes,m4_bytes"
    join -t, "$work/cortex-m7.size" "$work/cortex-m4.size" |
        while IFS=, read -r name m7 m4; do echo "$name,$((0x$m7)),$((0x$m4))"; done
} >"$work/kernels_dsp_code.csv"
if [ "$1" = --update ]; then
    cp "$work/kernels_dsp.csv" "$work/kernels_dsp_networks.csv" "$work/kernels_dsp_code.csv" tests/regression/
else
    cat "$work/kernels_dsp.csv" "$work/kernels_dsp_networks.csv" "$work/kernels_dsp_code.csv"
fi
