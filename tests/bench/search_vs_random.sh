#!/usr/bin/env bash
# search_vs_random.sh MCUNET RECIPE [--set ...] - evolution against as many random subnets that fit, the same images, three seeds.
# Prints CSV: seed, evaluations, held-out top-1 of the best by evolution and by chance, difference. Committed as
# tests/regression/search_vs_random.csv.
set -euo pipefail
mcunet=$1 recipe=$2
shift 2
work=$(mktemp -d "${TMPDIR:-/tmp}/mcunet-search.XXXXXX")
trap 'rm -rf "$work"' EXIT

best() { # folder
    python3 -c 'import json, sys
s = json.load(open(sys.argv[1] + "/search.json"))
print(s["evaluations"], s["best"]["accuracy"])' "$1"
}

echo "seed,evaluations,evolution_top1,random_top1,difference"
for seed in 1 2 3; do
    common=("$recipe" --set seed=$seed "$@" -q)
    "$mcunet" space "${common[@]}" -o "$work/$seed"
    "$mcunet" search "${common[@]}" -o "$work/$seed" --no-network
    read -r evaluations evolution < <(best "$work/$seed")
    "$mcunet" search "${common[@]}" -o "$work/$seed-random" --no-network --random --space "$work/$seed/space.json"
    read -r _ random < <(best "$work/$seed-random")
    python3 -c 'import sys
seed, n, a, b = sys.argv[1:]
print(f"{seed},{n},{float(a):.2f},{float(b):.2f},{float(a) - float(b):+.2f}")' $seed "$evaluations" "$evolution" "$random"
done
