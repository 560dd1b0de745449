#!/usr/bin/env python3
"""Every command has a manual page that lists the options of its -h, and no others; mandoc and groff (those of
them that are installed) have nothing to say about any page.

usage: tests/cli/manual.py MCUNET      exit code 1 and one line per difference
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MAN = ROOT / "cli" / "man"


def command_table():
    text = (ROOT / "cli" / "commands.inc").read_text()
    return dict(re.findall(r'^COMMAND\((\w+), "(.*)"\)$', text, re.M))


def options_of_help(mcunet, command):
    """{"--json", "-q", ...} and their arguments as printed by `mcunet COMMAND -h`."""
    text = subprocess.run([mcunet, command, "-h"], capture_output=True, text=True, check=True).stdout
    options = {}
    for letter, name, argument in re.findall(r"^ {2}(?:-(\w), |    )--([\w-]+)(?: ([A-Z]\S*))?(?: .*)?$", text, re.M):
        options["--" + name] = argument
        if letter:
            options["-" + letter] = argument
    return options


def options_of_page(text):
    """From the list items of the page: `.It Fl o , -output Ar DIR` (mdoc writes the first dash itself)."""
    options = {}
    for line in text.splitlines():
        if not line.startswith(".It Fl "):
            continue
        flags, _, argument = line[len(".It Fl "):].partition(" Ar ")
        for flag in re.split(r" , (?:Fl )?", flags):
            options["-" + flag.strip()] = argument.strip()
    return options


def formatters():
    """The formatters that are installed: command lines that complain on stderr or stdout, and print nothing else."""
    known = (["mandoc", "-Tlint", "-Wwarning"], ["groff", "-mandoc", "-Tutf8", "-ww", "-z"])
    return [command for command in known if shutil.which(command[0])]


def complaints(page):
    for command in formatters():
        result = subprocess.run(command + [str(page)], capture_output=True, text=True, check=False)
        yield from ((result.stdout + result.stderr).splitlines())


def check_command(mcunet, command, summary):
    page = MAN / f"mcunet-{command}.1"
    if not page.exists():
        yield f"cli/man/{page.name}: missing"
        return
    text = page.read_text()
    if f"\n.Nd {summary}\n" not in text:
        yield f"cli/man/{page.name}: .Nd is not the summary of cli/commands.inc: {summary}"
    helped, written = options_of_help(mcunet, command), options_of_page(text)
    for option in sorted(helped.keys() - written.keys()):
        yield f"cli/man/{page.name}: lacks {option}"
    for option in sorted(written.keys() - helped.keys()):
        yield f"cli/man/{page.name}: {option} is not in mcunet {command} -h"
    for option in sorted(helped.keys() & written.keys()):
        if helped[option] != written[option]:
            yield f"cli/man/{page.name}: {option} takes '{written[option]}', -h says '{helped[option]}'"


def check_main_page(commands):
    page = MAN / "mcunet.1"
    text = page.read_text() if page.exists() else ""
    listed = re.findall(r"^\.It Xr mcunet-(\w+) 1$", text, re.M)
    for command in sorted(commands.keys() ^ set(listed)):
        yield f"cli/man/mcunet.1: '{command}' is in one of page and cli/commands.inc only"


def self_test():
    """The parsers see what they should, so that an empty result means agreement."""
    assert options_of_page(".It Fl o , -output Ar DIR\n.It Fl -json\n.It Fl q , Fl -quiet") == {
        "-o": "DIR", "--output": "DIR", "--json": "", "-q": "", "--quiet": ""}


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    mcunet = os.path.abspath(sys.argv[1])
    self_test()
    commands = command_table()
    offences = list(check_main_page(commands))
    for command, summary in commands.items():
        offences += check_command(mcunet, command, summary)
    pages = sorted(MAN.glob("*.1"))
    for page in pages:
        offences += [f"cli/man/{page.name}: {line}" for line in complaints(page)]
        name = page.name[len("mcunet-"):-len(".1")]
        if page.name != "mcunet.1" and name not in commands:
            offences.append(f"cli/man/{page.name}: page of an unknown command")
    for offence in offences:
        print(offence)
    if not formatters():
        offences.append("neither mandoc nor groff is installed to check the pages with")
        print(offences[-1])
    print(f"{len(commands)} commands, {len(pages)} pages, {len(offences)} differences")
    return 1 if offences or not commands else 0


if __name__ == "__main__":
    sys.exit(main())
