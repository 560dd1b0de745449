# Our lines: sizes, a latency that is called an estimate, and the same ones from the cache.
[ -d "$SHARED/data/models" ] || skip "no ../shared/data"
command -v qemu-system-arm > /dev/null && command -v arm-none-eabi-gcc > /dev/null || skip "no cross compiler or emulator"
export XDG_CACHE_HOME=$PWD/cache
mkdir nets
cp "$SHARED/data/models/mlperf_kws_ref_model.tflite" "$SHARED/data/models/mcunet-in4_512kb-2mb_imagenet.tflite" nets
for run in 1 2; do
    mcunet table mlperf-tiny --data nets --board stm32l4r5 --board stm32u575 --csv -q > $run.csv || exit 1
done
cmp 1.csv 2.csv && echo "twice the same"
echo "built once: $(find cache -name emulator.elf | wc -l) projects, $(find cache -name estimate.json | wc -l) estimates"
awk -F, '/"mcunet/ && $4 == "absent" {print $1, "absent"}
         /"mcunet/ && $4 == "estimate" {
             print $1, $2, $3, ($5 > 5 && $5 < 200 ? "estimated" : "no sensible latency: " $0), $6 "%",
                   ($7 > 0 ? "energy" : "no energy"), ($8 > 5 && $8 < 60 && $9 > 40 && $9 < 200 ? "sizes" : "no sensible sizes: " $0)
         }' 1.csv
# in4 does not fit 1 MB of flash: said, and the table goes on.
run mcunet table mcunet-zoo --data nets --board stm32f746 --no-estimate --images 0 --csv -q | grep -E 'error|does not fit' | sed 's/: [0-9 ]* too many/: N too many/; s/needs [0-9 ]* bytes/needs N bytes/'
