#!/usr/bin/env bash
# kill -9 of `mcunet run` alone: Ninja and the stage end with it, and nothing writes beside the next run. Two runs in one folder do not
# mix, and a failing stage's exit code is that of `run`.
. "$(dirname "$0")/pipeline.sh"

folder="$scratch/run"
setsid "$mcunet" run recipes/quickstart.yml -o "$folder" -q "${small[@]}" --set space.samples=20000 >/dev/null 2>&1 &
pid=$!
for _ in $(seq 3000); do
    pgrep -g "$pid" -f "mcunet space recipe.yml" >/dev/null && break
    sleep 0.01
done
pgrep -g "$pid" -f "mcunet space recipe.yml" >/dev/null || fail "the stage did not start, or was too quick"
expect_failure 1 "another .mcunet run. is at work in '$folder'" run_small "$folder"
kill -9 $pid
wait $pid 2>/dev/null || true
for _ in $(seq 500); do
    pgrep -g "$pid" >/dev/null || break
    sleep 0.01
done
! pgrep -g "$pid" >/dev/null || fail "left behind: $(pgrep -a -g "$pid")"
echo "ok: nothing is left"
run_small "$folder" --until space >/dev/null
echo "ok: the next run ends well"
expect_failure 5 "" run_small "$scratch/small" --set limits.sram=1KiB
[ ! -e .failed ] || fail "an exit code was left in the caller's folder"
