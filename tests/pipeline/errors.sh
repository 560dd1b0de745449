#!/usr/bin/env bash
# Wrong input of every kind: the documented exit code, one message, earlier artifacts intact.
. "$(dirname "$0")/pipeline.sh"

run_small "$scratch/run" >/dev/null
cp -r "$scratch/run" "$scratch/before"
intact() {
    diff <(hashes "$scratch/before") <(hashes "$scratch/run") || fail "artifacts changed: $1"
}

recipe() { # name, sed script on the quickstart recipe
    sed "$2" recipes/quickstart.yml >"$scratch/$1.yml"
    echo "$scratch/$1.yml"
}

# Recipes.
expect_failure 3 'unknown\.yml:[0-9]+: .*sampels' "$mcunet" run "$(recipe unknown 's/samples:/sampels:/')" -o "$scratch/run"
expect_failure 3 'mistyped\.yml:[0-9]+: ' "$mcunet" run "$(recipe mistyped 's/samples: 1000/samples: many/')" -o "$scratch/run"
expect_failure 3 'range\.yml:[0-9]+: .search.population. is 1' "$mcunet" run "$(recipe range 's/population: 16/population: 1/')" -o "$scratch/run"
expect_failure 3 'amount\.yml:[0-9]+: .limits.sram' "$mcunet" run "$(recipe amount 's/sram: .*/sram: plenty/')" -o "$scratch/run"
expect_failure 3 "optimize\.yml:[0-9]+: 'codegen.optimize' is 'size'" "$mcunet" run "$(recipe optimize '$ a codegen:\n  optimize: size')" -o "$scratch/run"
expect_failure 3 "schema\.yml:[0-9]+: 'schema' is 7" "$mcunet" run "$(recipe schema 's/schema: 1/schema: 7/')" -o "$scratch/run"
expect_failure 3 "--set: 'search.images' is 0, expected" "$mcunet" run recipes/quickstart.yml -o "$scratch/run" --set search.images=0
expect_failure 3 "board 'stm32x'" "$mcunet" run "$(recipe board 's/board: .*/board: stm32x/')" -o "$scratch/run"
expect_failure 2 "unknown recipe key 'serch.images'" "$mcunet" run recipes/quickstart.yml -o "$scratch/run" --set serch.images=3
expect_failure 2 "not an integer" "$mcunet" run recipes/quickstart.yml -o "$scratch/run" --set search.images=three
expect_failure 2 "no such stage" "$mcunet" run recipes/quickstart.yml -o "$scratch/other" --until serch
cp -r "$scratch/before/." "$scratch/run/" # recipe.yml and keys are rewritten by a run that starts; artifacts are not

# Networks.
net="$scratch/run/subnet.onnx"
head -c 1000 "$net" >"$scratch/truncated.onnx"
head -c 0 /dev/null >"$scratch/empty.onnx"
truncate -s 600M "$scratch/oversized.onnx"
expect_failure 3 'truncated\.onnx' "$mcunet" eval "$scratch/truncated.onnx" --data synthetic
expect_failure 3 'empty\.onnx' "$mcunet" eval "$scratch/empty.onnx" --data synthetic
expect_failure 3 'oversized\.onnx' "$mcunet" eval "$scratch/oversized.onnx" --data synthetic
expect_failure 3 'missing\.onnx' "$mcunet" eval "$scratch/missing.onnx" --data synthetic
expect_failure 3 'classes' "$mcunet" quantize "$net" --data synthetic -o "$scratch/q" --set classes=11
expect_failure 3 'BatchNorm|stem\.bn' "$mcunet" space "$net" --board stm32f746 -o "$scratch/q"

# Images.
for class in 0 1 2 3 4 5 6 7 8 9; do
    mkdir -p "$scratch/photos/$class"
    head -c 500 /dev/urandom >"$scratch/photos/$class/1.jpg"
done
expect_failure 3 '64 images|has 10' "$mcunet" quantize "$net" --data "$scratch/photos" -o "$scratch/q"
expect_failure 3 '1\.jpg' "$mcunet" eval "$net" --data "$scratch/photos" -j1
expect_failure 3 '1\.jpg' "$mcunet" eval "$net" --data "$scratch/photos" -j2
expect_failure 3 'nowhere' "$mcunet" eval "$net" --data "$scratch/nowhere"

# Boards.
expect_failure 5 'bytes' "$mcunet" space quickstart --board stm32f746 -o "$scratch/q" --set limits.sram=4KiB
expect_failure 5 'too many' "$mcunet" codegen "$scratch/run/int8.onnx" --board stm32f746 -o "$scratch/q" --set limits.sram=4KiB

# Tools.
mkdir "$scratch/bin"
for tool in sh ninja env cat; do ln -s "$(command -v $tool)" "$scratch/bin/"; done
expect_failure 7 'arm-none-eabi-gcc' env PATH="$scratch/bin" "$mcunet" build "$scratch/run/firmware"
expect_failure 7 'qemu-system-arm' env PATH="$scratch/bin" "$mcunet" emulate "$scratch/run/firmware" \
    --model "$scratch/run/int8.onnx" --data synthetic --images 1
rm "$scratch/bin/ninja"
expect_failure 7 'ninja' env PATH="$scratch/bin" "$mcunet" run recipes/quickstart.yml -o "$scratch/other" "${small[@]}"

# Accuracy below the floor: exit 6, the reason in the message.
expect_failure 6 "floor" "$mcunet" run recipes/quickstart.yml -q -o "$scratch/floor" "${small[@]}" --set evaluate.floor=99.9

# A disk that is full, a folder that cannot be written.
if [ "$(id -u)" = 0 ] && mkdir "$scratch/small" && mount -t tmpfs -o size=64k tmpfs "$scratch/small" 2>/dev/null; then
    expect_failure 1 'No space left' "$mcunet" quantize "$net" --data synthetic -q -o "$scratch/small"
    [ -z "$(ls "$scratch/small")" ] || fail "a torn file is left on the full disk: $(ls "$scratch/small")"
    umount "$scratch/small"
    mount -t tmpfs -o size=8M tmpfs "$scratch/small"
    mount -o remount,ro "$scratch/small"
    expect_failure 1 'Read-only' "$mcunet" quantize "$net" --data synthetic -q -o "$scratch/small"
    umount "$scratch/small"
else
    echo "skipped: full disk and read-only folder (no right to mount a tmpfs)"
fi
intact "by the failures above"
