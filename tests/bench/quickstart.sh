#!/usr/bin/env bash
# quickstart.sh MCUNET - the figures of recipes/quickstart.yml as CSV; committed as tests/regression/quickstart.csv.
set -euo pipefail
work=$(mktemp -d "${TMPDIR:-/tmp}/mcunet-quickstart.XXXXXX")
trap 'rm -rf "$work"' EXIT
"$1" run recipes/quickstart.yml -o "$work" -q >/dev/null
python3 tests/bench/run_figures.py "$work"
