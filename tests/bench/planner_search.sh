#!/usr/bin/env bash
# planner_search.sh MCUNET ZIP - what depth-first planning brings to a search: recipes/imagenet64_f746.yml in 64 KiB of SRAM, with operators computed one
# after the other and with chains, everything else equal. A smaller search than the recipe's; 4000 validation images. About five minutes on two
# cores. CSV; committed as tests/regression/planner_search.csv.
set -euo pipefail
work=$(mktemp -d "${TMPDIR:-/tmp}/mcunet-planner.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "fusion,subnet,macs,sram_bytes,flash_bytes,float_top1,int8_top1"
for fusion in off on; do
    dir=$work/$fusion
    "$1" run recipes/imagenet64_f746.yml --set dataset="$2" --set limits.sram=64KiB --set codegen.fusion=$fusion --set search.population=16 \
        --set search.iterations=3 --set search.images=500 --set evaluate.images=4000 --set evaluate.max_loss=5 --set emulate.images=4 -o "$dir" -q >/dev/null
    python3 -c '
import json, sys
fusion, folder = sys.argv[1:]
read = lambda name: json.load(open(f"{folder}/{name}.json"))
best, accuracy = read("search")["best"], read("eval")
print(fusion, open(f"{folder}/subnet.txt").read().strip(), best["macs"], best["sram_bytes"], best["flash_bytes"],
      accuracy["float"]["top1"], accuracy["int8"]["top1"], sep=",")' "$fusion" "$dir"
done
