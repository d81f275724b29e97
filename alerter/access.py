"""How to reach a cluster, with secrets that are never shown."""

from __future__ import annotations

from dataclasses import dataclass, field

from alerter.secrets import Secret

UNSET = Secret()


@dataclass(frozen=True)
class EsAccess:
    """How to reach Elasticsearch; ``urls`` empty means that there is none.

    Without ``verify`` the server's certificate is not checked.
    """

    urls: tuple[str, ...] = field(default=(), repr=False)
    username: str = ""
    password: Secret = UNSET
    api_key: Secret = UNSET
    bearer: Secret = UNSET
    ca_certs: str = ""
    ca_fingerprint: str = ""
    client_cert: str = ""
    client_key: str = ""
    verify: bool = True


NOWHERE = EsAccess()


@dataclass(frozen=True)
class RuleCluster:
    """A cluster that a rule names itself; ``name`` tells it from others in metrics and reports, without its access.

    ``place`` are its addresses, "" where one of them is the settings' own: there another access sees the same events.
    ``problem`` is why it cannot be asked, known when the rule is loaded; "" when nothing is.
    """

    name: str
    access: EsAccess = field(repr=False)
    place: str = ""
    problem: str = ""
