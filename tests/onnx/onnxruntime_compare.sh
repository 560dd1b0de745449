#!/bin/bash
# exec against ONNX Runtime (npm: onnxruntime-node), installed once into the build folder.
#
#     onnxruntime_compare.sh CASES_PROGRAM WORK_FOLDER [IMAGES]
#
# Without IMAGES: random nets that onnx_write() wrote. With: mcunet-in2 of ../shared on that many images of imagenet1k-sample (0: all 1000).
# $COMPARE names another script than onnxruntime_compare.cjs (qdq_compare.cjs: int8 networks).
# Exit code 77 (skipped) without Node.js, without the package and a way to fetch it, or without the data.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cases=$(realpath "$1") work=$2 images=${3-}
shared=${MCUNET_SHARED:-$here/../../../shared}

skip() { echo "SKIP: $1"; exit 77; }
command -v node > /dev/null || skip "node is not installed (Debian package nodejs)"
command -v npm > /dev/null || skip "npm is not installed (Debian package npm)"
mkdir -p "$work"

# Tests may run at the same time: one installs, the others wait.
exec 9> "$work/npm.lock"
flock 9
if ! cmp -s "$here/package-lock.json" "$work/installed-lock.json"; then
    cp "$here/package.json" "$here/package-lock.json" "$work"
    (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund > npm.log 2>&1) || skip "npm cannot install onnxruntime-node; see $work/npm.log"
    cp "$here/package-lock.json" "$work/installed-lock.json"
fi
flock -u 9

out=$(mktemp -d "$work/cases-XXXXXX")
trap 'rm -rf "$out"' EXIT
if [ -n "$images" ]; then
    model=$shared/data/models/mcunet-in2_256kb-1mb_imagenet.onnx set=$shared/data/imagenet1k-sample
    [ -f "$model" ] && [ -d "$set" ] || skip "'$model' or '$set' is not there"
    "$cases" "$out" "$model" "$set" "$images"
else
    "$cases" "$out"
fi
NODE_PATH=$(cd "$work" && pwd)/node_modules node "$here/${COMPARE:-onnxruntime_compare.cjs}" "$out"
