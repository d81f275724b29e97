"""Certificates, roles and users of a secured test node."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .home import Missing

LOGS = ("logs-*", "test-*", "general-logs*")
LOG_RIGHTS = ("read", "view_index_metadata")
STATE_RIGHTS = ("create_index", "read", "write", "view_index_metadata", "maintenance")

USERS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "alerter": (("monitor",), LOG_RIGHTS, STATE_RIGHTS),
    "no_monitor": ((), LOG_RIGHTS, STATE_RIGHTS),
    "no_read_logs": (("monitor",), ("view_index_metadata",), STATE_RIGHTS),
    "no_create_index": (("monitor",), LOG_RIGHTS, STATE_RIGHTS[1:]),
    "no_write_state": (("monitor",), LOG_RIGHTS, tuple(r for r in STATE_RIGHTS if r != "write")),
    "shipper": (("monitor",), ("create_index", "create_doc", "auto_configure"), ()),
}
"""Name: cluster privileges, those on log indices, those on alerter's own. ``no_...`` lack exactly one."""


def write_access(config: Path) -> None:
    """Make certificates, roles and users below a node's configuration folder, unless they are there; raises Missing."""
    _certificates(config / "certs")
    (config / "roles.yml").write_text("".join(_role(name) for name in USERS))
    (config / "users_roles").write_text("superuser:admin\n" + "".join(f"role_{n}:{n}\n" for n in USERS))
    file = config / "credentials.json"
    file.touch(mode=0o600)
    known = json.loads(file.read_text() or "{}")
    new = {name: secrets.token_hex(12) for name in ("admin", *USERS) if name not in known}
    with (config / "users").open("a" if known else "w") as users:
        users.writelines(f"{name}:{_hashed(word)}\n" for name, word in new.items())
    file.write_text(json.dumps(known | new))


def fingerprint(certificate: Path) -> str:
    """Return the SHA-256 of a PEM certificate as hexadecimal, the form ALERTER_ES_CA_FINGERPRINT takes."""
    body = certificate.read_text().partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END")[0]
    return hashlib.sha256(base64.b64decode(body)).hexdigest()


def _role(user: str) -> str:
    cluster, logs, state = USERS[user]
    indices: list[dict[str, Sequence[str]]] = [
        {"names": LOGS, "privileges": logs},
        {"names": ["alerter*"], "privileges": state},
    ]
    shown = {"cluster": cluster, "indices": [i for i in indices if i["privileges"]]}
    return f"role_{user}: {json.dumps(shown)}\n"


def _hashed(password: str) -> str:
    """Hash as the file realm reads it; making the users with its own tool costs a Java start each."""
    salt = os.urandom(32)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 10_000, 32)
    return f"{{PBKDF2}}10000${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def _certificates(folder: Path) -> None:
    """Make an authority of our own and a server certificate signed by it, sent together with the authority's."""
    if shutil.which("openssl") is None:
        raise Missing("a secured Elasticsearch needs certificates", "install openssl")
    folder.mkdir(exist_ok=True)
    if (folder / "http.crt").exists():
        return
    new = ["-newkey", "rsa:2048", "-nodes"]
    _openssl(folder, "req", "-x509", *new, "-days", "3650", "-subj", "/CN=alerter test authority",
             "-keyout", "ca.key", "-out", "ca.crt")  # fmt: skip
    _openssl(folder, "req", *new, "-subj", "/CN=localhost", "-keyout", "http.key", "-out", "http.csr")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    _openssl(folder, "x509", "-req", "-in", "http.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
             "-days", "3650", "-extfile", "names", "-out", "http.crt")  # fmt: skip
    with (folder / "http.crt").open("a") as chain:
        chain.write((folder / "ca.crt").read_text())


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
