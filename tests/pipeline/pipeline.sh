# pipeline.sh - sourced by the tests of this folder: a scratch folder, a small recipe, assertions.
set -euo pipefail
mcunet=$(realpath "$1")
home=$PWD
export MCUNET_HOME=$home # a build folder elsewhere finds boards/ and supernets too
scratch=$(mktemp -d "${TMPDIR:-/tmp}/mcunet-test.XXXXXX")
trap 'chmod -R u+w "$scratch" 2>/dev/null; rm -rf "$scratch"' EXIT

for tool in ninja arm-none-eabi-gcc qemu-system-arm; do
    command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done

# The quickstart recipe, cut down to seconds.
small=(--set space.samples=60 --set search.population=4 --set search.parents=2 --set search.crossover=2
    --set search.mutation=2 --set search.iterations=1 --set search.images=64 --set search.bn_images=64
    --set quantize.images=16 --set evaluate.images=64 --set emulate.images=2)

run_small() { # folder, more options
    local folder=$1
    shift
    "$mcunet" run recipes/quickstart.yml -o "$folder" -q "${small[@]}" "$@"
}

# SHA-256 of every artifact, sorted; Ninja's own log is no artifact.
hashes() {
    (cd "$1" && find . -type f ! -name '.ninja_*' | LC_ALL=C sort | xargs sha256sum)
}

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# expect_failure CODE PATTERN command...: the exit code, and one "error: " line that matches.
expect_failure() {
    local code=$1 pattern=$2 got=0
    shift 2
    "$@" >"$scratch/stdout" 2>"$scratch/stderr" || got=$?
    [ $got = "$code" ] || fail "exit code $got, expected $code: $* ($(tail -n 3 "$scratch/stderr"))"
    grep -Eq "^error: .*$pattern" "$scratch/stderr" || fail "no message like '$pattern': $* said '$(cat "$scratch/stderr")'"
    [ "$(grep -c '^error: ' "$scratch/stderr")" = 1 ] || fail "more than one message: $* said '$(cat "$scratch/stderr")'"
    echo "ok: exit $code: $(grep '^error: ' "$scratch/stderr")"
}
