#!/bin/bash
# Our int8 operators against TensorFlow Lite (npm: @tensorflow/tfjs-tflite, WebAssembly), installed once into the build folder.
#
#     tflite_compare.sh CASES_PROGRAM WORK_FOLDER
#
# Exit code 77 (skipped) without Node.js, or without the package and a way to fetch it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cases=$(realpath "$1") work=$2

skip() { echo "SKIP: $1"; exit 77; }
command -v node > /dev/null || skip "node is not installed (Debian package nodejs)"
command -v npm > /dev/null || skip "npm is not installed (Debian package npm)"
mkdir -p "$work"
if ! cmp -s "$here/package-lock.json" "$work/installed-lock.json"; then
    cp "$here/package.json" "$here/package-lock.json" "$work"
    (cd "$work" && npm ci --legacy-peer-deps --ignore-scripts --no-audit --no-fund > npm.log 2>&1) ||
        skip "npm cannot install @tensorflow/tfjs-tflite; see $work/npm.log"
    cp "$here/package-lock.json" "$work/installed-lock.json"
fi
out=$(mktemp -d "$work/cases-XXXXXX")
trap 'rm -rf "$out"' EXIT
"$cases" "$out"
node "$here/tflite_compare.cjs" "$work/node_modules/@tensorflow/tfjs-tflite/wasm" "$out"
