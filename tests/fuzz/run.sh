#!/usr/bin/env bash
# run.sh BUILD SECONDS - every libFuzzer target of a fuzz build for so many seconds, starting from the committed corpus. New inputs and
# crashes go to BUILD/fuzz-<target>/; a crash ends with its exit code.
set -euo pipefail
build=$(realpath "$1") seconds=${2:-60}
here=$(cd "$(dirname "$0")" && pwd)
for target in "$build"/tests/fuzz/fuzz_*; do
    [ -x "$target" ] && [ -f "$target" ] || continue
    name=$(basename "$target")
    work="$build/fuzz-$name"
    mkdir -p "$work"
    echo "== $name, $seconds s"
    (cd "$work" && "$target" -max_total_time="$seconds" -rss_limit_mb=3000 -print_final_stats=1 -verbosity=0 \
        "$work" "$here/corpus/${name#fuzz_}" 2>&1 | grep -E 'ERROR|SUMMARY|number_of_executed_units|Test unit' || true
        exit "${PIPESTATUS[0]}")
done
