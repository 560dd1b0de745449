#!/usr/bin/env bash
# search_latency.sh MCUNET [SHARED] - how much of a search with a latency limit is spent on latency: reading the cost table, predictions, and the
# full estimate of the winner. recipes/quickstart.yml, and with SHARED recipes/imagenet64_f746.yml (minutes). Each is searched twice, with two seeds:
# first with an empty cache, then with the compiled engine in it, which is what a user sees from then on. CSV.
set -euo pipefail
mcunet=$(realpath "$1") zip=${2:+$(realpath "$2")/data/tiny-imagenet-200.zip}
export MCUNET_HOME=$PWD OMP_WAIT_POLICY=passive
work=$(mktemp -d "${TMPDIR:-/tmp}/mcunet-latency.XXXXXX")
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/cache
mkdir "$work/cache"

search() { # name, cache, recipe and options
    local name=$1 cache=$2 recipe=$3 dir=$work/$1-$2
    shift 3
    mkdir "$dir"
    cp "$work/$name/space.json" "$dir"
    "$mcunet" search "$recipe" -o "$dir" "$@" 2>&1 >/dev/null | awk -v name="$name,$cache" '/ s spent on latency/ {
        gsub(/[(%),:]/, ""); printf "%s,%s,%s,%s,%s,%s,%s\n", name, $4, $2, $9, $12, $14, $17 }'
}

both() { # name, recipe and options
    local name=$1 recipe=$2
    shift 2
    mkdir "$work/$name"
    "$mcunet" space "$recipe" -o "$work/$name" -q "$@" >/dev/null
    search "$name" cold "$recipe" "$@"
    search "$name" warm "$recipe" --set seed=2 "$@"
}

echo "recipe,cache,search_s,latency_s,percent,table_s,predictions_s,full_estimates_s"
both quickstart recipes/quickstart.yml --set limits.latency=20ms
if [ -n "$zip" ] && [ -e "$zip" ]; then
    both imagenet64_one_generation recipes/imagenet64_f746.yml --set dataset="$zip" --set limits.latency=150ms --set search.iterations=1
    both imagenet64 recipes/imagenet64_f746.yml --set dataset="$zip" --set limits.latency=150ms
fi
