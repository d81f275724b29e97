"""The Dockerfile's steps, run without an engine in clean folders: what they leave starts and is healthy."""

from __future__ import annotations

import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.packaging.dockerfile import Stage, build, instructions
from tests.servers.home import free_port

CHECKOUT = Path(__file__).parents[2]
FILE = CHECKOUT / "Dockerfile"
START_SECONDS = 30


def test_copied_files_are_in_the_build_context() -> None:
    """Each file that COPY names exists and is let through by .dockerignore, which lets nothing else through."""
    allowed = {
        line[1:].rstrip("/") for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    copied = {
        word.rstrip("/")
        for keyword, rest in instructions(FILE.read_text())
        if keyword == "COPY" and not rest.startswith("--from")
        for word in rest.split()[:-1]
    }
    assert copied == allowed
    assert all((CHECKOUT / name).exists() for name in copied)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Carry out every step on a copy of what .dockerignore lets through."""
    scratch = tmp_path_factory.mktemp("image")
    context = scratch / "context"
    context.mkdir()
    for line in (CHECKOUT / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            subprocess.run(["cp", "-r", CHECKOUT / line[1:].rstrip("/"), context], check=True)
    return build(FILE, context, scratch)


@pytest.mark.slow
def test_the_image_is_slim_and_not_root(image: Stage) -> None:
    """The last stage starts from a slim base, holds no source, and runs as a user that is not root."""
    assert "slim" in image.base
    assert not (image.root / "src").exists()
    assert image.user not in ("", "0", "root", "0:0")
    assert image.environment["ALERTER_HTTP_HOST"] == "0.0.0.0"


@pytest.mark.slow
def test_the_entry_point_runs_and_is_healthy(image: Stage, tmp_path: Path) -> None:
    """ENTRYPOINT with CMD starts the service on a log file, and HEALTHCHECK's own command finds it well."""
    port = free_port()
    log = tmp_path / "events.ndjson"
    log.write_text("")
    routes = tmp_path / "routes.yaml"
    routes.write_text("route: {receiver: log}\nreceivers:\n  - name: log\n    console: {}\n")
    moved = {k: str(image.path(v)) if v.startswith(("/etc", "/var")) else v for k, v in image.environment.items()}
    environment = moved | {"PATH": "/usr/bin:/bin", "ALERTER_HTTP_HOST": "127.0.0.1", "ALERTER_HTTP_PORT": str(port)}
    environment |= {"ALERTER_DATA": str(log), "ALERTER_NOTIFIERS": str(routes)}
    python = str(image.path("/opt/alerter/bin/python"))
    script = str(image.path(f"/opt/alerter/bin/{image.entrypoint[0]}"))
    output = tmp_path / "output.txt"
    with output.open("wb") as written:
        process = subprocess.Popen(
            [python, script, *image.command], env=environment, cwd=tmp_path, stdout=written, stderr=written
        )
    try:
        healthy = _until_healthy([python if w == "python" else w for w in image.health], environment, process)
        assert healthy, output.read_text()
    finally:
        process.terminate()
        assert process.wait(START_SECONDS) == 0


def _until_healthy(command: list[str], environment: dict[str, str], process: subprocess.Popen[bytes]) -> bool:
    """Ask again while the service starts: each try is a new process, which is pause enough."""
    for _ in range(200):
        if subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0:
            return True
        if process.poll() is not None:
            return False
    return False


@pytest.mark.slow
def test_shipped_rules_are_mounted_where_the_settings_say(image: Stage) -> None:
    """The folders that the environment names are in the image, and the installed package agrees with them."""
    for name in ("ALERTER_RULES", "ALERTER_NOTIFIERS"):
        assert any(image.path(image.environment[name]).rglob("*.yaml"))
    shipped = list(image.path("/opt/alerter").rglob("_shipped/notifiers/routes.yaml"))
    assert len(shipped) == 1
    assert fnmatch(str(shipped[0]), "*/site-packages/alerter/*")
