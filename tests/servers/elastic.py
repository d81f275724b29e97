"""Elasticsearch nodes on the loopback interface: fetched with Maven, one folder each, stopped by their own pid."""

from __future__ import annotations

import base64
import json
import os
import pwd
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import home as kept
from .access import fingerprint, write_access
from .home import Missing
from .java import find_java

ARTIFACT = "org.elasticsearch.distribution.integ-test-zip:elasticsearch"
HEAP = "512m"
ACCOUNT = "alerter-es"
RECOVER_SECONDS = 60
START_SECONDS = 400
DIRECT = urllib.request.ProxyHandler({})


@dataclass(frozen=True)
class Node:
    """A node that tests ask for by name; ``secure``: TLS, users and roles."""

    name: str
    version: str
    secure: bool = False

    @property
    def folder(self) -> Path:
        """Return where its configuration, data and logs are."""
        return kept.home() / "nodes" / self.name

    @property
    def url(self) -> str:
        """Return its address, known once it was started."""
        return f"{'https' if self.secure else 'http'}://localhost:{kept.recall(self.name).get('port', 0)}"

    @property
    def ca_certs(self) -> str:
        """Return the file of the authority that signed its certificate, or nothing."""
        return str(self.folder / "config" / "certs" / "ca.crt") if self.secure else ""

    def password(self, user: str) -> str:
        """Return the made-up password of one of its users."""
        return str(json.loads((self.folder / "config" / "credentials.json").read_text())[user])

    def environment(self, user: str = "alerter", *, by: str = "ca") -> dict[str, str]:
        """Return the variables that let alerter reach it, trusting by ``ca`` file or by ``fingerprint``."""
        if not self.secure:
            return {"ALERTER_ES_URL": self.url}
        trust = {"ALERTER_ES_CA_CERTS": self.ca_certs}
        if by == "fingerprint":
            trust = {"ALERTER_ES_CA_FINGERPRINT": fingerprint(Path(self.ca_certs))}
        access = {"ALERTER_ES_USERNAME": user, "ALERTER_ES_PASSWORD": self.password(user)}
        return {"ALERTER_ES_URL": self.url, **access, **trust}

    def request(self, method: str, path: str, body: Any = None, *, seconds: float = 30) -> Any:
        """Send one request as administrator and return the decoded answer; raises OSError.

        A list is sent as lines of JSON (for ``_bulk`` and ``_msearch``), anything else as one document.
        """
        headers = {"Content-Type": "application/json"}
        lines = [json.dumps(item) for item in body] if isinstance(body, list) else [json.dumps(body)]
        data = None if body is None else ("\n".join(lines) + "\n").encode()
        if isinstance(body, list):
            headers["Content-Type"] = "application/x-ndjson"
        handlers: list[urllib.request.BaseHandler] = [DIRECT]
        if self.secure:
            pair = f"admin:{self.password('admin')}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
            handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.ca_certs)))
        wanted = urllib.request.Request(f"{self.url}/{path.lstrip('/')}", data, headers, method=method)
        with urllib.request.build_opener(*handlers).open(wanted, timeout=seconds) as answer:
            text = answer.read()
        return json.loads(text) if text else {}

    def drop(self, prefix: str) -> None:
        """Delete all indices whose name begins with the prefix."""
        names = self.request("GET", f"{prefix}*?filter_path=*.aliases&expand_wildcards=all")
        if names:
            self.request("DELETE", ",".join(names))

    def running(self) -> bool:
        """Tell whether its process lives."""
        pid = kept.recall(self.name).get("pid")
        return bool(pid) and kept.is_process(int(pid or 0), f"{self.folder}/")

    def healthy(self) -> bool:
        """Tell whether it answers."""
        try:
            found = self.request("GET", "_cluster/health?filter_path=status", seconds=5)
        except (OSError, ValueError):
            return False
        return isinstance(found, Mapping) and found.get("status") in ("green", "yellow")


NODES: Mapping[str, Node] = {
    "es8": Node("es8", "8.19.9"),
    "es9": Node("es9", "9.2.0"),
    "es8-secure": Node("es8-secure", "8.19.9", secure=True),
}


def start(node: Node) -> Node:
    """Start the node unless it runs; raises Missing when it cannot be had on this machine."""
    if node.running() and node.healthy():
        return node
    java = find_java(node.version)
    with kept.locked(node.name):
        if _recovers(node):
            return node
        stop(node)
        distribution = fetch(node.version)
        port = kept.recall(node.name).get("port") or kept.free_port()
        kept.remember(node.name, port=port, pid=0)
        _configure(node, distribution, port)
        _launch(node, distribution, java, port)
    return node


def _recovers(node: Node) -> bool:
    """Tell whether a node that runs answers soon: a busy one, or one that makes an index, must not be taken away."""
    until = time.monotonic() + RECOVER_SECONDS
    while node.running() and time.monotonic() < until:
        if node.healthy():
            return True
        time.sleep(0.2)
    return False


def stop(node: Node) -> bool:
    """Stop the node by its own process number; returns whether it ran. The port is given up."""
    pid = kept.recall(node.name).get("pid", 0)
    if not node.running():
        kept.forget(node.name)
        return False
    os.kill(pid, signal.SIGTERM)
    for _ in range(300):
        if not node.running():
            break
        time.sleep(0.1)
    else:
        os.kill(pid, signal.SIGKILL)
    kept.forget(node.name)
    return True


def fetch(version: str) -> Path:
    """Return the unpacked distribution, fetching it once; raises Missing."""
    target = kept.home() / "dist" / f"elasticsearch-{version}"
    if target.is_dir():
        return target
    if shutil.which("mvn") is None:
        raise Missing(f"Elasticsearch {version} is fetched with Maven", "install maven")
    with kept.locked(f"fetch-{version}"):
        if not target.is_dir():
            target.parent.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
                _unpack(version, Path(scratch), target)
    return target


def _unpack(version: str, scratch: Path, target: Path) -> None:
    command = ["mvn", "-q", "-B", "--no-transfer-progress", "-Dstyle.color=never", "dependency:copy"]
    command += [f"-Dartifact={ARTIFACT}:{version}:zip", f"-DoutputDirectory={scratch}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=scratch)
    zips = list(scratch.glob("*.zip"))
    if done.returncode or not zips:
        raise Missing(f"Maven could not fetch Elasticsearch {version}: {done.stdout[-300:]}", "is the network there?")
    with zipfile.ZipFile(zips[0]) as archive:
        archive.extractall(scratch)
    unpacked = scratch / f"elasticsearch-{version}"
    # Maven delivers the zip without executable bits, and another account must be able to read all of it.
    subprocess.run(["chmod", "-R", "a+rX", unpacked], check=True)
    for program in (unpacked / "bin").iterdir():
        program.chmod(0o755)
    scratch.chmod(0o755)
    unpacked.rename(target)


def _configure(node: Node, distribution: Path, port: int) -> None:
    for name in ("config", "data", "logs", "tmp"):
        (node.folder / name).mkdir(parents=True, exist_ok=True)
    config = node.folder / "config"
    for source in (distribution / "config").rglob("*"):
        copy = config / source.relative_to(distribution / "config")
        if source.is_dir():
            copy.mkdir(exist_ok=True)
        elif not copy.exists():
            shutil.copyfile(source, copy)
    options = {
        "cluster.name": f"alerter-test-{node.name}",
        "node.name": node.name,
        "path.data": f"{node.folder}/data",
        "path.logs": f"{node.folder}/logs",
        "network.host": "127.0.0.1",
        "http.port": port,
        "discovery.type": "single-node",
        "cluster.routing.allocation.disk.threshold_enabled": False,
        "cluster.max_shards_per_node": 5000,
        "xpack.security.enabled": node.secure,
    }
    if node.secure:
        write_access(config)
        options |= {
            "xpack.security.http.ssl.enabled": True,
            "xpack.security.http.ssl.key": "certs/http.key",
            "xpack.security.http.ssl.certificate": "certs/http.crt",
            "xpack.security.transport.ssl.enabled": False,
        }
    (config / "elasticsearch.yml").write_text("".join(f"{k}: {json.dumps(v)}\n" for k, v in options.items()))


def _launch(node: Node, distribution: Path, java: Path, port: int) -> None:
    pidfile = node.folder / "pid"
    pidfile.unlink(missing_ok=True)
    environment = {k: v for k, v in os.environ.items() if k not in ("JAVA_HOME", "JAVA_TOOL_OPTIONS", "ES_JAVA_OPTS")}
    environment |= {
        "ES_JAVA_HOME": str(java),
        "ES_PATH_CONF": str(node.folder / "config"),
        "ES_TMPDIR": str(node.folder / "tmp"),
        "ES_JAVA_OPTS": f"-Xms{HEAP} -Xmx{HEAP}",
    }
    log = node.folder / "logs" / "start.log"
    with log.open("wb") as output:
        done = subprocess.run(
            [distribution / "bin" / "elasticsearch", "-d", "-p", pidfile],
            env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            check=False, cwd=node.folder, **_account(node),
        )  # fmt: skip
    if done.returncode or not pidfile.exists():
        raise RuntimeError(f"Elasticsearch {node.version} did not start:\n{_tail(log)}\nsee {node.folder}/logs")
    kept.remember(node.name, port=port, pid=int(pidfile.read_text()))
    until = time.monotonic() + START_SECONDS
    while not node.healthy():
        if time.monotonic() > until or not node.running():
            raise RuntimeError(f"Elasticsearch {node.version} gave no healthy answer:\n{_tail(log)}")
        time.sleep(0.2)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


def _account(node: Node) -> dict[str, Any]:
    """Return the account to start as: Elasticsearch refuses to run as root, so root makes one for it."""
    if os.geteuid() != 0:
        return {}
    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        shell = "/usr/sbin/nologin"
        subprocess.run(["useradd", "--system", "--no-create-home", "--shell", shell, ACCOUNT], check=True)
        entry = pwd.getpwnam(ACCOUNT)
    for folder in (kept.home(), node.folder.parent, kept.home() / "dist"):
        folder.chmod(0o755)
    subprocess.run(["chown", "-R", ACCOUNT, node.folder], check=True)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
