#!/usr/bin/env python3
"""Speaks to firmware of `mcunet build --harness mlperf` as MLPerf Tiny's runner does, and checks every answer.

usage: tests/measure/mlperf_runner.py TTY PROJECT INPUT.bin EXPECTED.bin

PROJECT: its model.h has the shapes and scales. INPUT: one int8 tensor; EXPECTED: what the network makes of it.
"""
import os
import pathlib
import re
import select
import sys
import time
import tty

MAX_BYTES_A_COMMAND = 31  # the Python runner's


class Board:
    """One command at a time: text that ends with '%', lines until m-ready."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd)
        self.text = ""

    def read_lines(self, timeout=60):
        end, lines = time.time() + timeout, []
        while "m-ready" not in lines:
            while "\n" in self.text and "m-ready" not in lines:
                line, self.text = self.text.split("\n", 1)
                lines.append(line.rstrip("\r"))
            if "m-ready" in lines:
                break
            assert time.time() < end, f"no m-ready after {lines} {self.text!r}"
            if select.select([self.fd], [], [], 0.2)[0]:
                self.text += os.read(self.fd, 4096).decode("latin-1")
        return lines[:-1]

    def command(self, text):
        os.write(self.fd, (text + "%").encode())
        return self.read_lines()


def macros(project):
    text = (pathlib.Path(project) / "model.h").read_text()
    return {name: float(value.strip("()f")) for name, value in re.findall(r"#define MCU_(\w+) (\S+)$", text, re.M)}


def load(board, data):
    assert board.command(f"db load {len(data)}") == [f"m-[Expecting {len(data)} bytes]"]
    answers = []
    for i in range(0, len(data), MAX_BYTES_A_COMMAND):
        answers += board.command("db " + data[i:i + MAX_BYTES_A_COMMAND].hex())
    assert answers == ["m-load-done"], answers


def printed(data):
    """As `db print` shows it: eight bytes a line."""
    return ["m-buffer-" + "-".join(f"{byte:02x}" for byte in data[i:i + 8]) for i in range(0, len(data), 8)]


def results(lines):
    match = re.fullmatch(r"m-results-\[(-?\d+\.\d{3}(?:,-?\d+\.\d{3})*)\]", lines[-1])
    assert match, lines
    return [float(value) for value in match.group(1).split(",")]


def microseconds(line):
    assert re.fullmatch(r"m-lap-us-\d+", line), line
    return int(line.rsplit("-", 1)[1])


def check_identity(board, model):
    assert board.command("name") == ["m-name-dut-[mcunet]"]
    assert board.command("profile") == ["m-profile-[ULPMark for tinyML Firmware V0.0.1]", f"m-model-[{model}]"]
    first, second = (microseconds(board.command("timestamp")[0]) for _ in range(2))
    assert first <= second < first + 30_000_000
    assert board.command("help")[0] == "ULPMark for tinyML Firmware V0.0.1"


def check_inference(board, data, expected):
    load(board, data)
    shown = board.command("db print")
    assert [line for line in shown if line] == printed(data), shown
    for n, warmups in ((1, 0), (3, 2), (1, 0)):  # each result is that of the data that were loaded
        lines = board.command(f"infer {n} {warmups}")
        assert lines[:3] == [f"m-warmup-start-{warmups}", "m-warmup-done", f"m-infer-start-{n}"], lines
        assert microseconds(lines[3]) < microseconds(lines[4]), lines
        assert lines[5] == "m-infer-done" and len(lines) == 7, lines
        got = results(lines)
        assert len(got) == len(expected) and all(abs(a - b) <= 0.0011 for a, b in zip(got, expected)), (got, expected)
    assert results(board.command("results")) == got
    assert board.command("infer")[0] == "m-warmup-start-10"  # the reference's default


def check_errors(board, size):
    """The reference's messages, and no harm done by what it would not survive."""
    answers = {
        "": "e-[Unknown command: ]",
        "nonsense 1 2": "e-[Unknown command: nonsense]",
        "db": "e-[Command 'db' requires a subcommand]",
        "db load": "e-[Command 'db load' requires the # of bytes]",
        "db load 0": "e-[Command 'db load' must be >0 bytes]",
        "db load -7": "e-[Command 'db load' must be >0 bytes]",
        f"db load {size + 1}": f"e-[Supplied buffer size {size + 1} exceeds maximum of {size}]",
        "db load 99999999999999999999": f"e-[Supplied buffer size 1000000000 exceeds maximum of {size}]",
        "infer 0": "e-[Inference iterations must be >0]",
        "infer 1 -1": "e-[Inference warmup must be >=0]",
        "infer 1 0": f"e-[Input has 0 bytes, expected {size}]",
        "db 123": "e-[Insufficent number of hex digits]",
        "db 1g": "e-[Invalid hex digit '1g']",
        "x" * 300: "e-[Unknown command: " + "x" * 80 + "]",
    }
    for command, answer in answers.items():
        lines = board.command(command)
        assert lines == [answer], (command, lines)
    assert board.command("db 00112233") == []  # more than was announced: dropped
    os.write(board.fd, bytes(range(128, 256)) + b"\0\1\2")  # noise, ended by the next '%'
    board.command("")


def main():
    if len(sys.argv) != 5:
        print(__doc__, file=sys.stderr)
        return 2
    path, project, data, expected = sys.argv[1:]
    shape = macros(project)
    raw, out = pathlib.Path(data).read_bytes(), pathlib.Path(expected).read_bytes()
    outputs = [shape["OUTPUT_SCALE"] * ((byte ^ 128) - 128 - shape["OUTPUT_ZERO_POINT"]) for byte in out]
    pixels = shape["INPUT_C"] == 3  # images come as unsigned bytes
    board = Board(path)
    os.write(board.fd, b"%")  # ends whatever came before
    board.read_lines()
    board.text = ""
    check_identity(board, "mcunet")
    check_errors(board, len(raw))
    check_inference(board, bytes(byte ^ 128 for byte in raw) if pixels else raw, outputs)
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
