#!/usr/bin/env bash
# kill -9 of everything in any stage, then the same command: the same bytes as an undisturbed run.
. "$(dirname "$0")/pipeline.sh"

run_small "$scratch/whole" >/dev/null
for stage in space search quantize eval codegen build emulate report; do
    folder="$scratch/killed-$stage"
    # a session of its own, so that one kill takes ninja and the stage with it
    setsid "$mcunet" run recipes/quickstart.yml -o "$folder" -q "${small[@]}" >/dev/null 2>&1 &
    pid=$!
    for _ in $(seq 3000); do
        pgrep -g "$pid" -f "mcunet $stage recipe.yml" >/dev/null && break
        kill -0 $pid 2>/dev/null || break
        sleep 0.01
    done
    if pgrep -g "$pid" -f "mcunet $stage recipe.yml" >/dev/null; then
        kill -9 -- -$pid
        how=killed
    else
        how="too quick to be killed"
    fi
    wait $pid 2>/dev/null || true
    run_small "$folder" >/dev/null
    diff <(hashes "$scratch/whole") <(hashes "$folder") || fail "a run $how in $stage ends differently"
    echo "ok: $how in $stage, then the same"
done
