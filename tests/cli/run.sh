#!/bin/bash
# Runs command-line tests: cases/<name>.sh, whose whole output must equal cases/<name>.out.
#
#     tests/cli/run.sh [--update] MCUNET [NAME...]      MCUNET: the binary, or the folder it is in
#
# --update rewrites the .out files; look at the diff before you commit it. A case runs with bash in an empty folder, with
#     mcunet ...      in PATH; $ROOT is the repository, $SHARED ../shared beside it (or $MCUNET_SHARED)
#     run COMMAND...  prints the command line, its output (stdout and stderr in order), and the exit code when not 0
#     skip REASON     ends the case as skipped
# Paths of the repository, of shared and of the folder read ROOT, SHARED and HERE in the output. The result is 77 when every case was skipped.

update=
if [ "$1" = --update ]; then
    update=1
    shift
fi
[ -n "$1" ] || { echo "usage: tests/cli/run.sh [--update] MCUNET [NAME...]" >&2; exit 2; }
binary=$(realpath "$1") && shift
[ -d "$binary" ] && binary=$binary/mcunet
[ -x "$binary" ] || { echo "no mcunet at $binary" >&2; exit 2; }
folder=$(dirname "$(realpath "$0")")
export ROOT=$(realpath "$folder/../..")
export SHARED=$(realpath -m "${MCUNET_SHARED:-$ROOT/../shared}")
export MCUNET_HOME=$ROOT NO_COLOR=1 LC_ALL=C.UTF-8 PATH=$(dirname "$binary"):$PATH
unset MCUNET_CACHE

run() {
    # Options of the environment in front (PATH=...) are shown as typed.
    echo "\$ $*"
    env "$@" 2>&1
    local code=$?
    [ $code = 0 ] || echo "[exit $code]"
    return 0
}
skip() {
    echo "skipped: $*" > "$SKIPPED"
    exit 77
}
export -f run skip

names=("$@")
if [ ${#names[@]} = 0 ]; then
    for script in "$folder"/cases/*.sh; do
        names+=("$(basename "$script" .sh)")
    done
fi

failed=0 passed=0
for name in "${names[@]}"; do
    here=$(mktemp -d)
    mkdir "$here/work"
    export SKIPPED=$here/skipped
    (cd "$here/work" && bash "$folder/cases/$name.sh") > "$here/raw" 2>&1 < /dev/null
    code=$?
    sed -e "s|$here/work|HERE|g" -e "s|$ROOT|ROOT|g" -e "s|$SHARED|SHARED|g" "$here/raw" > "$here/out"
    if [ $code = 77 ]; then
        echo "SKIP $name: $(sed 's/^skipped: //' "$SKIPPED")"
    elif [ -n "$update" ]; then
        cmp -s "$here/out" "$folder/cases/$name.out" || echo "NEW  $name"
        cp "$here/out" "$folder/cases/$name.out"
        passed=$((passed + 1))
    elif diff -u --label "$name.out (expected)" "$folder/cases/$name.out" --label "$name (printed)" "$here/out"; then
        echo "OK   $name"
        passed=$((passed + 1))
    else
        echo "FAIL $name"
        failed=$((failed + 1))
    fi
    rm -rf "$here"
done
[ $failed = 0 ] || exit 1
[ $passed -gt 0 ] || exit 77
