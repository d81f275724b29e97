"""ElastAlert 2 in an environment of its own below the cache folder: newest Python here, newest version for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.answers import First, Firsts
from benchmarks.server import Server
from tests.servers import home as kept

OLDEST = (3, 11)
BUFFERS = {"stock": 900, "lean": 120, "count": 120}
"""Each mode's ``buffer_time``, seconds; ``count`` also rewrites the rules."""


@dataclass(frozen=True)
class Peer:
    """Where it is installed, and what."""

    bin: Path
    version: str
    python: str


def install() -> Peer:
    """Return the installed ElastAlert 2, installing it once for the newest Python that takes it.

    Raises RuntimeError with the installer's last words when none does.
    """
    problem = "no Python found"
    for python, version in _pythons():
        folder = kept.home() / "peers" / f"elastalert2-python{version}"
        if not (folder / "installed.json").exists():
            shutil.rmtree(folder, ignore_errors=True)
            problem = _make(python, folder)
            if problem:
                print(f"ElastAlert 2 cannot be installed for Python {version}: {problem}", file=sys.stderr)
                continue
        found = json.loads((folder / "installed.json").read_text())
        return Peer(folder / "bin", found["version"], found["python"])
    raise RuntimeError(f"ElastAlert 2 cannot be installed: {problem}")


def _make(python: str, folder: Path) -> str:
    """Create the environment; return what went wrong, or nothing."""
    program = str(folder / "bin" / "python")
    pip = [program, "-m", "pip", "--disable-pip-version-check", "-q"]
    for command in ([python, "-m", "venv", str(folder)], [*pip, "install", "elastalert2"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return done.stderr.strip()[-300:]
    say = "import platform, importlib.metadata as m; print(m.version('elastalert2'), platform.python_version())"
    said = subprocess.run([program, "-c", say], capture_output=True, text=True, check=True)
    version, running = said.stdout.split()
    (folder / "installed.json").write_text(json.dumps({"version": version, "python": running}))
    return ""


def _pythons() -> Iterator[tuple[str, str]]:
    """Yield (program, version such as 3.13.0) of each Python found, newest first; pyenv's, those on PATH, and ours."""
    named = [shutil.which(f"python3.{minor}") for minor in range(11, 20)]
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    programs = {sys.executable, *(p for p in named if p), *map(str, root.glob("versions/*/bin/python3"))}
    found: dict[tuple[int, ...], str] = {}
    say = "import sys, venv, ensurepip; print(*sys.version_info[:3], sep='.')"
    for program in sorted(programs):
        done = subprocess.run([program, "-c", say], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            found[tuple(int(part) for part in done.stdout.strip().split("."))] = program
    for version in sorted((v for v in found if v >= OLDEST), reverse=True):
        yield found[version], ".".join(map(str, version))


def environment(server: Server) -> dict[str, str]:
    """Return the environment of its processes; ``ES_VERSION`` is its own override, for servers without ``GET /``."""
    return {**os.environ, "ES_VERSION": server.version, "NO_PROXY": "localhost,127.0.0.1"}


def configure(server: Server, peer: Peer, file: Path, rules: Path, prefix: str, buffer: int, port: int) -> None:
    """Write its configuration and create its indices afresh; it will reach the server through ``port``."""
    server.drop(prefix)
    config = {
        "es_host": "127.0.0.1",
        "es_port": server.port,
        "writeback_index": prefix,
        "rules_folder": str(rules),
        "run_every": {"minutes": 1},
        "buffer_time": {"seconds": buffer},
        "alert_time_limit": {"days": 2},
    }
    _write(file, config)
    command = [str(peer.bin / "elastalert-create-index"), "--config", str(file), "--index", prefix]
    done = subprocess.run(
        command, env=environment(server), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if "Done!" not in done.stdout:
        raise RuntimeError(f"elastalert-create-index: {done.stdout[-500:]}{done.stderr[-1000:]}")
    _write(file, config | {"es_port": port})


def _write(file: Path, config: Mapping[str, Any]) -> None:
    file.write_text("".join(f"{name}: {json.dumps(value)}\n" for name, value in config.items()))


def firsts(server: Server, prefix: str, rules: Mapping[str, Mapping[str, Any]]) -> Firsts:
    """Return the time of the first match of each rule and key, from its own record of alerts."""
    found: dict[First, int] = {}
    for document in server.documents(prefix):
        if "match_body" not in document:
            continue
        rule, body = rules[document["rule_name"]], document["match_body"]
        key = f"{rule['query_key']}={_value(body, rule['query_key'])}" if "query_key" in rule else ""
        at = _millis(str(_value(body, rule["timestamp_field"])))
        name = (str(rule["name"]), key)
        found[name] = min(at, found.get(name, at))
    return found


def _value(body: Any, path: str) -> Any:
    if path in body:
        return body[path]
    for part in path.split("."):
        body = body[part]
    return body


def _millis(text: str) -> int:
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
