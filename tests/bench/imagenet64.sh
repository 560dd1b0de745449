#!/usr/bin/env bash
# imagenet64.sh MCUNET ZIP - the figures of recipes/imagenet64_f746.yml on Tiny-ImageNet as CSV; committed as tests/regression/imagenet64_f746.csv.
# About a quarter of an hour on two cores.
set -euo pipefail
work=$(mktemp -d "${TMPDIR:-/tmp}/mcunet-imagenet64.XXXXXX")
trap 'rm -rf "$work"' EXIT
"$1" run recipes/imagenet64_f746.yml --set dataset="$2" -o "$work" -q >/dev/null
python3 tests/bench/run_figures.py "$work"
