"""docs/tutorial.md, followed: every file written, every command run, every picture and table as it is printed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerter.cli.main import main

TEXT = (Path(__file__).parent.parent.parent / "docs/tutorial.md").read_text(encoding="utf-8")


def steps() -> Iterator[tuple[str, str]]:
    """Yield what a reader does, in order: ``file`` with its text, ``command``, or ``output`` as it is shown."""
    for block in re.findall(r"```yaml\n([\s\S]*?)```|((?:^    .*\n|^$\n)+)", TEXT, re.MULTILINE):
        if block[0]:
            yield "file", block[0]
            continue
        lines = [line[4:] for line in block[1].splitlines() if line.strip()]
        commands = [line for line in lines if line.startswith("alerter ")]
        yield from (("command", line) for line in commands)
        shown = [line for line in lines if line not in commands]
        if shown:
            yield "output", "\n".join(shown)


def test_the_tutorial_is_true(alone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From an empty folder each command succeeds, and what the text shows is in what the last one printed."""
    said = ""
    done = {"file": 0, "command": 0, "output": 0}
    for kind, text in steps():
        done[kind] += 1
        if kind == "file":
            name = text.partition("\n")[0].removeprefix("# ")
            (alone / name).write_text(text)
        elif kind == "command":
            assert main(shlex.split(text)[1:]) == 0, text
            said = capsys.readouterr().out
        else:
            printed = [line.strip() for line in said.splitlines()]
            assert [line for line in text.splitlines() if line.strip() not in printed] == []
    assert done == {"file": 4, "command": 10, "output": 2}


def test_the_number_of_messages_is_true(alone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Thirteen messages, the first of them twenty minutes too early."""
    (text, *_) = [text for kind, text in steps() if kind == "file"]
    (alone / "rule.yaml").write_text(text)
    assert main(["demo", "--write", "logs.ndjson"]) == 0
    assert capsys.readouterr().err == "4,049 events written to logs.ndjson\n"
    assert main(["test-rule", "rule.yaml", "--data", "logs.ndjson"]) == 0
    out = capsys.readouterr().out
    assert len(re.findall(r" -> ", out)) == 13
    assert "2026-03-10T10:42:04.819Z firing" in out
