#!/usr/bin/env bash
# tflite_accuracy.sh MCUNET SHARED [JOBS] - official TensorFlow Lite networks on the sample sets, straight from their .tflite files.
# "reference" is what exact arithmetic with float scales gave elsewhere (SHARED/data/README.md): fixed point and the resizing of
# images may move it by a few tenths. mcunet-in4_fifth is every fifth class of imagenet1k-sample (200 images; one image of the last
# class keeps the number of classes). Prints CSV; committed as tests/regression/tflite_accuracy.csv.
set -euo pipefail
mcunet=$1 shared=$(realpath "$2") jobs=${3:-0}
work=$(mktemp -d "${TMPDIR:-/tmp}/mcunet-tflite.XXXXXX")
trap 'rm -rf "$work"' EXIT

ln -s "$shared/data/imagenet1k-sample/images" "$work/images"
awk -F'\t' 'NR == 1 || $2 % 5 == 0 || $2 == 999' "$shared/data/imagenet1k-sample/labels.tsv" >"$work/labels.tsv"

squash() { # mean, std: pixel / 255 = x * std + mean
    echo "{\"resize\": \"squash\", \"mean\": [$1, $1, $1], \"std\": [$2, $2, $2]}"
}

row() { # name, model, images, reference, preprocess
    "$mcunet" eval "$shared/data/models/$2.tflite" --data "$3" ${5:+--preprocess "$5"} -j "$jobs" -q --json >"$work/eval.json"
    python3 -c 'import json, sys
e = json.load(open(sys.argv[1]))
print(sys.argv[2], e["type"], e["images"], e["correct"], format(e["top1"], ".2f"), sys.argv[3], sep=",")' "$work/eval.json" "$1" "$4"
}

echo "network,type,images,correct,top1,reference"
row mcunet-vww_80x80 tinyengine_vww_80x80 "$shared/data/vww-coco254" 96.5 "$(squash 0.501960784 0.500231)"
row mlperf-vww mlperf_vww_96_int8 "$shared/data/vww-coco254" 86.2 "$(squash 0 1)"
row mlperf-vww mlperf_vww_96_float "$shared/data/vww-coco254" 85.8 "$(squash 0 1)"
row mlperf-ic mlperf_pretrainedResnet_quant "$shared/data/cifar10/test_first1000.bin" 87.7 "$(squash 0 0.00392156863)"
row mlperf-ic mlperf_pretrainedResnet "$shared/data/cifar10/test_first1000.bin" 88.1 "$(squash 0 0.00392156863)"
row mcunet-in4_fifth mcunet-in4_512kb-2mb_imagenet "$work" 79.0
row mcunet-in4 mcunet-in4_512kb-2mb_imagenet "$shared/data/imagenet1k-sample" ""
row mcunet-in3 mcunet-in3_320kb-1mb_imagenet "$shared/data/imagenet1k-sample" ""
