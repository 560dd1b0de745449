#!/bin/sh
# setup.sh - installs the Debian packages that are missing, and says what each is for. Called by make; safe to run again.
#   setup.sh build   what building and running mcunet needs
#   setup.sh test    that, and what the tests need
set -eu

packages() {
    cat <<'LIST'
build gcc                         the C compiler
build libc6-dev                   C library headers
build cmake                       configures the build
build ninja-build                 builds mcunet, runs its pipelines, builds firmware
build pkg-config                  finds libraries
build libdnnl-dev                 float inference on the host (oneDNN)
build libprotobuf-c-dev           ONNX files
build protobuf-c-compiler         ONNX files
build libonnx-dev                 onnx.proto, the definition of ONNX files
build libjansson-dev              JSON
build libcyaml-dev                recipes and boards (YAML with a schema)
build libyaml-dev                 the lines of their mistakes
build libstb-dev                  image decoding and resizing
build libarchive-dev              zip and tar archives
build libcurl4-openssl-dev        downloads
build libssl-dev                  SHA-256
build zlib1g-dev                  CRC-32
build libelf-dev                  sizes and symbols of linked firmware
build libcapstone-dev             decodes firmware, to estimate its cycles
build gcc-arm-none-eabi           cross compiler for Cortex-M
build libnewlib-arm-none-eabi     C headers for Cortex-M
build qemu-system-arm             emulated boards
test  libcmocka-dev               unit tests
test  libonnx-testdata            ONNX's own operator vectors
test  clang                       second compiler, fuzzing
test  libclang-rt-N-dev           sanitizers of clang
test  libomp-dev                  OpenMP for clang
test  python3                     test helpers
test  procps                      pgrep, for the tests that kill
test  groff-base                  checks the manual pages
test  mandoc                      checks the manual pages
test  nodejs                      ONNX Runtime as an outside oracle (onnxruntime-node)
test  npm                         fetches onnxruntime-node
LIST
}

case "${1:-build}" in
build) wanted='^build' ;;
test) wanted='^build|^test' ;;
*) echo "usage: setup.sh build|test" >&2; exit 2 ;;
esac

# A program that is there by other means (node from elsewhere, say) needs no package.
present() {
    case "$1" in
    nodejs) command -v node ;;
    npm | cmake | clang | mandoc | python3 | gcc) command -v "$1" ;;
    *) dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'install ok installed' ;;
    esac >/dev/null 2>&1
}

# What N in a package name stands for: the version of the clang that is there, or that apt would install.
clang_version() {
    if command -v clang >/dev/null; then
        clang -dumpversion
    else
        apt-cache depends clang 2>/dev/null | sed -n 's/^ *Depends: clang-\([0-9][0-9]*\)$/\1/p'
    fi | sed 's/\..*//'
}
# Where apt has no list yet it names no clang; N then stays, counts as missing, and is asked for again below.
with_version() {
    version=$(clang_version)
    printf '%s\n' "$1" | sed "s/libclang-rt-N-dev/libclang-rt-${version:-N}-dev/"
}

missing=''
list=$(with_version "$(packages | grep -E "$wanted")")
for package in $(printf '%s\n' "$list" | awk '{print $2}'); do
    if ! present "$package"; then
        missing="$missing $package"
        printf '%s\n' "$list" | awk -v p="$package" '$2 == p { $1 = ""; n = $2; $2 = ""; sub(/^ +/, ""); printf "needs %-24s %s\n", n, $0 }'
    fi
done
[ -z "$missing" ] && exit 0

command -v apt-get >/dev/null || {
    echo "error: this is no Debian: install the packages above by other means" >&2
    exit 7
}
sudo=''
[ "$(id -u)" = 0 ] || sudo='sudo'
echo "installing:$missing"
$sudo env DEBIAN_FRONTEND=noninteractive apt-get update -q
missing=$(with_version "$missing")
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
