"""compose.yaml is valid by the compose specification, and its scripts do what its services rely on."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.access import USERS
from tests.servers.elastic import Node
from tests.support.fault_proxy import FaultProxy
from tests.support.faults import status

CHECKOUT = Path(__file__).parents[2]
EXAMPLES = CHECKOUT / "examples" / "compose"
TEXT = (CHECKOUT / "compose.yaml").read_text()
SERVICES: dict[str, Any] = yaml.safe_load(TEXT)["services"]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("", ""),
        ("restart: unless-stopped", "restrat: unless-stopped"),
        ("condition: service_healthy", "condition: healthy"),
        ("- certs:/certs:ro", "- keys:/certs:ro"),
    ],
)
def test_it_is_valid_by_the_specification(good: str, bad: str) -> None:
    """The package ``compose-spec`` takes the file, and refuses it with one thing spoiled."""
    compose_spec = pytest.importorskip("compose_spec", reason="compose-spec has no wheel for this Python")
    if not good:
        compose_spec.PyCompose.from_yaml(TEXT).validate()
        return
    assert good in TEXT
    with pytest.raises(ValueError, match=r"extension key|unknown variant|not defined"):
        compose_spec.PyCompose.from_yaml(TEXT.replace(good, bad)).validate()


def test_what_it_mounts_and_runs_exists() -> None:
    """Each folder of the checkout that a service mounts is there, and each script it runs lies in it."""
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert not source.startswith(".") or (CHECKOUT / source).is_dir()
        for word in service.get("command", ()):
            assert not word.startswith("/setup/") or (EXAMPLES / word.removeprefix("/setup/")).is_file()


def test_nothing_is_open_to_the_network_and_no_secret_is_written() -> None:
    """Ports are published on the loopback interface only; every password comes from outside the file."""
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        for name, value in service.get("environment", {}).items():
            assert not name.endswith(("PASSWORD", "TOKEN")) or str(value).startswith("${")


def test_security_is_on() -> None:
    """Elasticsearch asks for users and speaks TLS, and alerter is not its superuser."""
    settings = SERVICES["elasticsearch"]["environment"]
    assert settings["xpack.security.enabled"] == "true"
    assert settings["xpack.security.http.ssl.enabled"] == "true"
    assert SERVICES["alerter"]["environment"]["ALERTER_ES_USERNAME"] == "alerter"


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl; install the package curl")
def test_the_accounts_are_those_that_the_tests_use() -> None:
    """accounts.sh asks for exactly the privileges of the users of the secured test server, by PUT, as administrator.

    The test server has no security API (it lacks the analyzers of its index), so a recorder answers instead.
    """
    words = {"ALERTER_ES_PASSWORD": "one", "SHIPPER_PASSWORD": "two"}
    with FaultProxy("http://127.0.0.1:9") as server:
        server.plan(status(200, "{}"), times=0)
        admin = {"ES_URL": server.url, "ES_CA": "/dev/null", "ES_ADMIN": "elastic", "ES_ADMIN_PASSWORD": "word"}
        outside = {"PATH": os.environ["PATH"]}
        subprocess.run(["bash", EXAMPLES / "accounts.sh"], env=outside | admin | words, check=True)
        asked = {s.request.method.removeprefix("PUT /_security/"): s.request for s in server.seen()}
    assert base64.b64decode(asked["role/alerter_engine"].headers["authorization"].split()[1]) == b"elastic:word"
    for role, user in (("alerter_engine", "alerter"), ("log_shipper", "shipper")):
        wanted = asked[f"role/{role}"].payload
        cluster, logs, state = USERS[user]
        assert tuple(wanted["cluster"]) == cluster
        assert [tuple(i["privileges"]) for i in wanted["indices"]] == [rights for rights in (logs, state) if rights]
        assert asked[f"user/{user}"].payload["roles"] == [role]


def test_the_shippers_rights_are_enough(es_secure: Node, index_prefix: str) -> None:
    """The shipper writes sample logs with the privileges of its role."""
    server = {"ES_URL": es_secure.url, "ES_CA": es_secure.ca_certs}
    outside = {"PATH": os.environ["PATH"]}
    index = f"general-logs-{index_prefix}"
    shipper = {"ES_USER": "shipper", "ES_PASSWORD": es_secure.password("shipper"), "INDEX": index, "BATCHES": "1"}
    try:
        subprocess.run([sys.executable, EXAMPLES / "ship_logs.py"], env=outside | server | shipper, check=True)
        es_secure.request("POST", f"{index}/_refresh")
        hits = es_secure.request("POST", f"{index}/_search", {"query": {"term": {"kafka.key.keyword": "Order"}}})
        assert hits["hits"]["hits"][0]["_source"]["log_message"].startswith("Order [")
    finally:
        es_secure.drop(index)
