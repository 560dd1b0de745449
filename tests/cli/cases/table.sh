# Published figures are always there; ours for the networks that are. Figures of ours move with the kernels: shape only.
mkdir empty
run mcunet table mlperf-tiny --data empty
run mcunet table mcunet-zoo --data empty --csv
run mcunet table mlperf-tiny --data empty --json > json.txt
head -24 json.txt
run mcunet table mlperf-tinny
run mcunet table
run mcunet table mlperf-tiny --data nowhere
run mcunet table mlperf-tiny --json --csv
echo "no network" > empty/kws_ref_model.tflite
run mcunet table mlperf-tiny --data empty
