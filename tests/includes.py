#!/usr/bin/env python3
"""The include direction of the house: which folder may include which, and that every header compiles alone.

usage: tests/includes.py [--cc COMPILER] [--generated FOLDER]...    exit code 1 and one line per offence
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

# base <- model <- quant <- codegen; engine <- quant, codegen; codegen, model, quant, boards <- nas; datasets, boards -> base.
# The engine travels into generated projects, so it includes itself and C headers only. cli includes all, nobody includes cli.
MAY_INCLUDE = {
    "base": set(),
    "engine": set(),
    "model": {"base"},
    "quant": {"base", "model", "engine"},
    "boards": {"base"},
    "datasets": {"base"},
    "codegen": {"base", "model", "engine", "quant", "boards"},
    "nas": {"base", "model", "engine", "quant", "codegen", "boards"},
    "cli": {"base", "model", "engine", "quant", "codegen", "boards", "datasets", "nas"},
}
C_HEADERS = {"assert.h", "float.h", "limits.h", "math.h", "stdbool.h", "stddef.h", "stdint.h", "stdlib.h", "string.h",
             "arm_acle.h", "arm_mve.h"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.M)


def sources(folder):
    files = (path for path in (ROOT / folder).rglob("*") if path.suffix in {".c", ".h", ".inc", ".S"})
    return sorted(path for path in files if "__pycache__" not in path.parts)


def offences_in(path, text, folder):
    """Include lines of one file that the rules forbid. `folder` is its top folder."""
    for match in INCLUDE.finditer(text):
        quote, target = match.groups()
        where = f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
        if quote == "<":
            if folder == "engine" and target not in C_HEADERS:
                yield f"{where}: engine includes <{target}>, which is no C header"
            if (ROOT / target).exists() or target.split("/")[0] in MAY_INCLUDE:
                yield f"{where}: <{target}> is ours: write it in quotes"
            continue
        if target.startswith(".."):
            target = os.path.normpath(os.path.join(os.path.dirname(path), target))
        other = target.split("/")[0]
        if other == "tests" or other.startswith(".."):
            yield f"{where}: includes '{target}'"
        if other not in MAY_INCLUDE or "/" not in target:
            continue  # a file beside it (the engine in a generated project), or one generated at build time
        if other != folder and other not in MAY_INCLUDE[folder]:
            yield f"{where}: {folder} must not include {other} ('{target}')"


def compiles_alone(cc, header, generated):
    """The compiler's complaint about a header on its own, or None."""
    with tempfile.NamedTemporaryFile("w", suffix=".c") as source:
        source.write(f'#include "{header.relative_to(ROOT)}"\n#include "{header.relative_to(ROOT)}"\n')
        source.flush()
        command = [cc, "-std=gnu11", "-D_GNU_SOURCE", "-DMCUNET_VERSION=\"0\"", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                   f"-I{ROOT}", *[f"-I{folder}" for folder in generated], source.name]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    return next((line for line in result.stderr.splitlines() if "error:" in line), result.stderr) if result.returncode else None


def self_test():
    """A rule that lets everything pass is no rule."""
    assert list(offences_in("base/x.c", '#include "model/model.h"\n', "base"))
    assert list(offences_in("model/x.c", "\n  # include \"cli/recipe.h\"\n", "model"))[0].startswith("model/x.c:2:")
    assert list(offences_in("engine/x.c", "#include <unistd.h>\n", "engine"))
    assert list(offences_in("nas/x.c", "#include <base/arena.h>\n", "nas"))
    assert list(offences_in("engine/ref/x.c", '#include "../../base/arena.h"\n', "engine"))
    assert not list(offences_in("engine/ref/x.c", '#include "../engine.h"\n', "engine"))
    assert not list(offences_in("nas/x.c", '#include "codegen/schedule.h"\n#include <stdio.h>\n', "nas"))
    assert not list(offences_in("engine/x.c", '#include "engine/engine.h"\n#include <stdint.h>\n', "engine"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--generated", action="append", default=[], help="folder of headers made by the build; may repeat")
    args = parser.parse_args()
    self_test()
    offences, headers = [], 0
    for folder in MAY_INCLUDE:
        for path in sources(folder):
            if path.relative_to(ROOT).parts[:2] == ("boards", "arm"):
                continue  # firmware sources: compiled for the target, with the generated headers beside them
            offences += offences_in(path.relative_to(ROOT), path.read_text(), folder)
            if path.suffix == ".h":
                headers += 1
                complaint = compiles_alone(args.cc, path, args.generated)
                if complaint:
                    offences.append(f"{path.relative_to(ROOT)}: does not compile alone: {complaint}")
    for offence in offences:
        print(offence)
    print(f"{headers} headers, {len(offences)} offences")
    return 1 if offences or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
