#!/usr/bin/env bash
# One and two threads give the same bytes in every artifact; a second call does nothing; a changed key reruns what reads it.
. "$(dirname "$0")/pipeline.sh"

run_small "$scratch/one" -j1 >/dev/null
run_small "$scratch/two" -j2 >/dev/null
diff <(hashes "$scratch/one") <(hashes "$scratch/two") || fail "-j1 and -j2 differ"
echo "ok: $(hashes "$scratch/one" | wc -l) artifacts, the same with one and two threads"
# Fixed strings: weights may hold any short byte sequence, so a short host name proves nothing.
needles=(-e "$scratch" -e "$home")
[ ${#HOSTNAME} -ge 8 ] && needles+=(-e "$HOSTNAME")
if grep -rlF "${needles[@]}" "$scratch/one" | grep -v '/\.ninja_'; then
    fail "an artifact names a path or this machine"
fi

before=$(cd "$scratch/one" && find . -type f ! -name '.ninja_*' -printf '%p %T@\n' | sort)
"$mcunet" run recipes/quickstart.yml -o "$scratch/one" "${small[@]}" 2>&1 >/dev/null | grep -q 'up to date' || fail "the third run did something"
after=$(cd "$scratch/one" && find . -type f ! -name '.ninja_*' -printf '%p %T@\n' | sort)
[ "$before" = "$after" ] || fail "the third run touched files"
echo "ok: nothing to do the second time"

# A file beside the user goes before a shipped supernet of the same name, and it is the file that is fingerprinted.
mkdir "$scratch/beside"
cp nas/supernets/quickstart.onnx "$scratch/beside/quickstart"
printf '\0' >>"$scratch/beside/quickstart"
(cd "$scratch/beside" && "$mcunet" run "$home/recipes/quickstart.yml" -o "$scratch/local" "${small[@]}" --dry-run >/dev/null)
grep -q "supernet_sha256: $(sha256sum <"$scratch/beside/quickstart" | cut -d' ' -f1)" "$scratch/local/keys/space.yml" ||
    fail "the fingerprint is not that of the local file: $(grep supernet "$scratch/local/keys/space.yml")"
echo "ok: a local file of a shipped name is fingerprinted"

stages=$("$mcunet" run recipes/quickstart.yml -o "$scratch/one" "${small[@]}" --set emulate.images=3 --dry-run | cut -d: -f1 | tr '\n' ' ')
[ "$stages" = "emulate report " ] || fail "a change of emulate.images would run: $stages"
echo "ok: a changed key reruns only what reads it"

# Firmware holds copies of the engine's sources.
mkdir "$scratch/other" && ln -s "$home"/* "$scratch/other" && rm "$scratch/other/engine" && cp -r "$home/engine" "$scratch/other/engine"
echo '/* changed */' >>"$scratch/other/engine/engine.h"
stages=$(MCUNET_HOME=$scratch/other "$mcunet" run recipes/quickstart.yml -o "$scratch/one" "${small[@]}" --dry-run | cut -d: -f1 | tr '\n' ' ')
[ "$stages" = "codegen build emulate report " ] || fail "a change of the engine would run: $stages"
echo "ok: a changed engine is built"
