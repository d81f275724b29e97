"""Run a Dockerfile's COPY and RUN steps in plain folders: every absolute path lands below a stage's own root."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Stage:
    """One ``FROM``: its folder, and what the instructions said of it."""

    base: str
    root: Path
    workdir: str = "/"
    environment: dict[str, str] = field(default_factory=dict)
    user: str = ""
    health: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    def path(self, name: str) -> Path:
        """Return where a path of the image is."""
        absolute = name if name.startswith("/") else f"{self.workdir.rstrip('/')}/{name}"
        return self.root / absolute.lstrip("/")


def instructions(text: str) -> list[tuple[str, str]]:
    """Return (keyword, rest) of each instruction, comments left out and lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [
        (word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)
    ]


def build(file: Path, context: Path, scratch: Path) -> Stage:
    """Carry the file out and return its last stage; raises CalledProcessError when a step fails."""
    stages: dict[str, Stage] = {}
    stage = Stage("", scratch)
    for keyword, rest in instructions(file.read_text()):
        if keyword == "FROM":
            base, _, name = rest.partition(" AS ")
            stage = Stage(base, scratch / f"stage{len(stages)}")
            stage.root.mkdir()
            stages[name or "last"] = stage
        elif keyword == "COPY":
            _copy(stage, rest, context, stages)
        elif keyword == "RUN":
            _run(stage, rest)
        else:
            _note(stage, keyword, rest)
    return stage


def _copy(stage: Stage, rest: str, context: Path, stages: dict[str, Stage]) -> None:
    words = shlex.split(rest)
    source_root = context
    if words[0].startswith("--from="):
        source_root = stages[words.pop(0).removeprefix("--from=")].root
    *sources, target = words
    for source in sources:
        found = source_root / source.lstrip("/")
        into = stage.path(target)
        if found.is_dir():
            shutil.copytree(found, into, dirs_exist_ok=True, symlinks=True)
        else:
            place = into / found.name if target.endswith("/") else into
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(found, place)


def _run(stage: Stage, command: str) -> None:
    """Run a step by the shell, its absolute paths moved below the root and ``python`` being this one."""
    shims = stage.root.parent / "shims"
    shims.mkdir(exist_ok=True)
    shim = shims / "python"
    if not shim.exists():
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        shim.chmod(0o755)
    moved = re.sub(r"(?<![\w./])/(?=(?:opt|var|etc|src)\b)", f"{stage.root}/", command)
    if os.geteuid() != 0:
        moved = re.sub(r"-[og] \d+ ", "", moved)
    stage.path(".").mkdir(parents=True, exist_ok=True)
    environment = {"PATH": f"{shims}:/usr/bin:/bin", "HOME": str(stage.root)}
    kept = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_")) or k.lower().endswith("_proxy")}
    subprocess.run(["sh", "-ec", moved], cwd=stage.path("."), env=environment | kept, check=True)


def _note(stage: Stage, keyword: str, rest: str) -> None:
    if keyword == "WORKDIR":
        stage.workdir = rest
    elif keyword == "ENV":
        stage.environment |= dict(word.split("=", 1) for word in shlex.split(rest))
    elif keyword == "USER":
        stage.user = rest
    elif keyword == "HEALTHCHECK":
        stage.health = json.loads(rest[rest.index("CMD ") + 4 :])
    elif keyword in ("ENTRYPOINT", "CMD"):
        setattr(stage, {"ENTRYPOINT": "entrypoint", "CMD": "command"}[keyword], json.loads(rest))
    elif keyword != "EXPOSE":
        raise ValueError(f"the test does not know {keyword}")
