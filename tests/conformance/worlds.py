"""Random documents for the differential test: nasty values under dynamic and explicit mapping, from a seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)

_WORDS = """error ERROR Warn info INFO failed login timeout connection_timeout web-01.prod api user@example.com 10.0.0.7
    /var/log/app.log https://example.com/a?b=1&c=2 O'Reilly don't 30.5s 1,000 3.14 a.b x1 naïve ÉCOLE straße İstanbul
    日本 東京 payment-service C:\\Temp\\x.exe and or not AND null true 42 -7 key=value [main] #12 50% foo:bar 12:30:45
    2026-03-10 e.g. U.S.A wi-fi a_b __ _x_ ..."""
WORDS = _WORDS.split()
RARE = [
    "カタカナ",
    "한국어",
    "ไทย",
    "🔥",
    "👍🏽",
    "ﬁn",
    "e\u0301",
    "\u200bx",
    "a\u00adb",
    "Ωmega",
    "ß",
    "x" * 260,
    "١٢٣",
]
DATES = ["%Y-%m-%dT%H:%M:%S.{ms:03d}Z", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S+02:00"]
ODD_DATES = ["%Y/%m/%d %H:%M:%S", "%Y/%m/%d", "%d/%b/%Y:%H:%M:%S +0000", "%Y-%m-%d %H:%M:%S", "%Y", "%Y-%m", "%b %d"]

_EDGE_DATES = """2026-02-30 2026-00-10 9999-12-31 1969-12-31T23:59:59.999Z 2026-03-10T24:00:00 2026-03-10T11:00:00UTC+2
    2026-03-10T11:00:00Europe/Berlin 2026-03-10T11:00:00EST 2026-03-10T11+05 2026-03-10T11:00:00,5
    0001-01-01T00:00:00Z"""
EDGE_DATES = _EDGE_DATES.split()

Maker = Callable[[Random], Any]


class Raw(str):
    """A number as it is to be spelt in the document."""


def words(random: Random, most: int = 7) -> str:
    """Return a text of some words."""
    pool = [random.choice(RARE if random.random() < 0.04 else WORDS) for _ in range(random.randint(1, most))]
    return random.choice([" ", " ", " ", ", ", "-", "/"]).join(pool)


def instant(random: Random) -> datetime:
    """Return an instant near noon, seldom far away."""
    spread = random.choice([3600, 3600, 86_400, 86_400 * 400])
    return NOON + timedelta(milliseconds=random.randint(-spread * 1000, spread * 1000))


def date_text(random: Random, odd: float = 0.1) -> str:
    """Write an instant in one of the usual ways, or an odd one."""
    if random.random() < odd / 4:
        return random.choice(EDGE_DATES)
    moment = instant(random)
    form = random.choice(ODD_DATES if random.random() < odd else DATES)
    return moment.strftime(form.replace("{ms:03d}", f"{moment.microsecond // 1000:03d}"))


def _date(random: Random) -> Any:
    if random.random() < 0.1:
        return int(instant(random).timestamp() * 1000)
    return date_text(random, 0.03)


def _whole(random: Random) -> Any:
    return random.choice([200, 200, 404, 500, 503, 0, -1, 7, 65_536, random.randint(-50, 1000)])


def _odd_number(random: Random) -> Any:
    text = ["1e3", "1E5", "21.5", "1.0", "-0.0", "9223372036854775807", "9223372036854775808", "1e40", "0.1", "1.10"]
    return random.choice([Raw(random.choice(text)), "12", " 12", "12.7", "", "1e2", "0x10", "NaN", "-3", "1_000"])


def _big(random: Random) -> Any:
    edges = [1 << 53, (1 << 53) + 1, (1 << 63) - 1, -(1 << 63), -(1 << 53) - 1, 1_234_567_890_123_456_789, 1 << 31]
    return random.choice([*edges, random.randint(-(1 << 40), 1 << 40)])


def _log_date(random: Random) -> str:
    return instant(random).strftime("%d/%b/%Y:%H:%M:%S %z")


def _epoch(random: Random) -> Any:
    return random.choice([int, int, str])(int(instant(random).timestamp()))


def _fraction(random: Random) -> Any:
    return random.choice([0.5, 1.5, 99.99, -2.25, 0.1, 1e10, 12.0, round(random.uniform(-5, 500), 3)])


def _address(random: Random) -> str:
    return random.choice(
        ["10.0.0.1", "10.0.0.7", "10.1.2.3", "192.168.1.254", "::1", "2001:DB8:0::1", "::ffff:10.0.0.7"]
    )


def _flag(random: Random) -> Any:
    return random.choice([True, False, True, "true", "false", ""])


def _level(random: Random) -> str:
    return random.choice(["ERROR", "error", "Error", "WARN", "info", "INFO", "debug", "", "fatal error"])


def _long(random: Random) -> str:
    return random.choice(["y" * 255, "y" * 256, "y" * 257, "long " * 60, "日" * 256, "🔥" * 128 + "a"])


KINDS: dict[str, Maker] = {
    "text": words,
    "level": _level,
    "date": _date,
    "whole": _whole,
    "fraction": _fraction,
    "odd number": _odd_number,
    "address": _address,
    "flag": _flag,
    "long text": _long,
    "big": _big,
    "log date": _log_date,
    "epoch": _epoch,
}
_NAMES = """level message status took_ms @timestamp host.name host.ip user.id user.name tags ok code Name ratio
    kubernetes.labels.app event.created items.qty items.name client été with-dash error.code a.b.c x_y _raw"""
NAMES = _NAMES.split()
_EXPLICIT: dict[str, list[dict[str, Any]]] = {
    "text": [{"type": "text"}, {"type": "keyword"}, {"type": "keyword", "ignore_above": 12}],
    "level": [{"type": "keyword"}, {"type": "text", "fields": {"raw": {"type": "keyword", "ignore_above": 5}}}],
    "date": [{"type": "date"}, {"type": "date", "format": "strict_date_optional_time||yyyy/MM/dd HH:mm:ss"}],
    "whole": [{"type": kind} for kind in ("long", "integer", "short", "double", "keyword", "float")],
    "fraction": [{"type": kind} for kind in ("double", "float", "keyword", "text")],
    "odd number": [{"type": "long"}, {"type": "double"}, {"type": "keyword"}, {"type": "text"}],
    "address": [{"type": "ip"}, {"type": "ip"}, {"type": "keyword"}],
    "flag": [{"type": "boolean"}],
    "long text": [{"type": "text"}, {"type": "keyword", "ignore_above": 256}],
    "big": [{"type": "long"}, {"type": "double"}, {"type": "keyword"}],
    "log date": [{"type": "date", "format": "dd/MMM/yyyy:HH:mm:ss Z"}] * 3 + [{"type": "keyword"}],
    "epoch": [{"type": "date", "format": "epoch_second"}] * 3 + [{"type": "long"}],
}
_STRINGS = {"text", "level", "long text", "log date", "address", "odd number"}
"""The kinds that dynamic mapping mostly takes for texts."""
_ODD = {"odd number", "big", "long text", "log date", "epoch"}
"""The kinds whose values are at the edges of what a field can hold, or seldom what a log holds."""
_OFTEN = {"log date", "epoch"}
"""The kinds that are seldom what dynamic mapping takes them for."""


@dataclass(frozen=True)
class World:
    """One index: its explicit properties, its documents as lines of JSON, and what there is to ask about."""

    properties: dict[str, Any]
    lines: list[str]
    kinds: dict[str, str]
    values: dict[str, list[Any]]
    calm: bool = False

    def field(self, random: Random) -> str:
        """Return the name of a field: mostly mapped, sometimes its keyword, an object, or unknown."""
        name = random.choice(list(self.kinds))
        chance = random.random()
        if chance < 0.35 and self.kinds[name] in ("text", "level", "long text", "odd number"):
            return f"{name}.keyword"
        if chance > 0.97:
            return random.choice(["nosuch", "host", "items", "user", "a.b", "kubernetes", "level.raw", "Level"])
        return name

    def sortable(self, random: Random) -> str:
        """Return the name of a field to sort and aggregate by, seldom of a text."""
        name = self.field(random)
        if name in self.properties or self.kinds.get(name) not in _STRINGS or random.random() < 0.05:
            return name
        return f"{name}.keyword"

    def string(self, random: Random) -> str:
        """Return the name of a field that holds texts, seldom of any other."""
        fitting = [name for name, kind in self.kinds.items() if kind in ("text", "level", "long text")]
        if random.random() < 0.08:
            return self.field(random)
        return random.choice(fitting) + random.choice(["", "", ".keyword"])

    def value(self, random: Random, field: str) -> Any:
        """Return a value to ask a field for: one it holds, a piece of it, or any other."""
        known = self.values.get(field.removesuffix(".keyword").removesuffix(".raw"), [])
        chance = random.random()
        if known and (chance < 0.93 or self.calm):
            value = random.choice(known)
            pieces = 0.5 if self.kinds.get(field) != "date" else 0.1
            return _piece(random, value) if isinstance(value, str) and random.random() < pieces else value
        return KINDS[random.choice(list(KINDS))](random)

    def text(self, random: Random, field: str) -> str:
        """Return a value as a text."""
        value = self.value(random, field)
        return value if isinstance(value, str) else json.dumps(value)


def _piece(random: Random, value: str) -> str:
    parts = value.split()
    piece = random.choice(parts) if parts else value
    return random.choice([piece, piece.lower(), piece.upper(), piece[: random.randint(1, 6)]])


def world(seed: int, *, calm: bool = False) -> World:
    """Make a world from a seed; the same seed makes the same world. A ``calm`` one holds what logs hold."""
    random = Random(seed)
    documents = random.choice([40, 40, 40, 300])
    usual = [kind for kind in KINDS if not calm or kind not in _ODD]
    kinds = {name: random.choice(usual) for name in random.sample(NAMES, 11)}
    kinds.update({"@timestamp": "date", "message": "text", "status": "whole"})
    properties: dict[str, Any] = {"seq": {"type": "integer"}}
    for name, kind in kinds.items():
        if random.random() < (0.75 if kind in _OFTEN else 0.3):
            properties[name] = random.choice(_EXPLICIT[kind])
    values: dict[str, list[Any]] = {name: [] for name in kinds}
    lines = []
    for number in range(documents):
        document: dict[str, Any] = {"seq": number}
        for name, kind in kinds.items():
            _fill(random, document, name, kind, values[name], calm=calm)
        if not calm:
            _wrap(random, document)
        lines.append(spell(document))
    return World(properties, lines, kinds, values, calm)


def _fill(random: Random, document: dict[str, Any], name: str, kind: str, values: list[Any], *, calm: bool) -> None:
    chance = random.random()
    if chance < 0.18:
        return
    make = KINDS[kind]
    if chance > 0.985 and not calm:
        make = KINDS[random.choice(list(KINDS))]
    value: Any
    if chance < 0.24:
        value = random.choice([None, [], [None], [None, make(random)], ""])
    elif chance < 0.36:
        value = [make(random) for _ in range(random.randint(1, 4))]
    else:
        value = make(random)
    for each in value if isinstance(value, list) else [value]:
        if each is not None:
            values.append(float(each) if isinstance(each, Raw) else each)
    _set(random, document, name, value)


def _wrap(random: Random, document: dict[str, Any]) -> None:
    """Make arrays of some objects, and arrays in arrays."""
    for name, value in document.items():
        if random.random() < 0.1 and isinstance(value, dict):
            document[name] = random.choice([[value], [value, {}], [value, value], [None, value]])
        elif random.random() < 0.03 and isinstance(value, list):
            document[name] = [value, value[:1]]


def _set(random: Random, document: dict[str, Any], name: str, value: Any) -> None:
    parts = name.split(".")
    if len(parts) == 1 or random.random() < 0.3:
        document[name] = value
        return
    node = document
    for part in parts[:-1]:
        below = node.setdefault(part, {})
        if not isinstance(below, dict):
            return
        node = below
    if isinstance(value, list) and random.random() < 0.3 and len(parts) == 2 and not node:
        document[parts[0]] = [{parts[1]: each} for each in value]
        return
    node[parts[-1]] = value


def spell(node: Any) -> str:
    """Write JSON in which raw numbers keep their spelling."""
    if isinstance(node, Raw):
        return str(node)
    if isinstance(node, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {spell(value)}" for key, value in node.items()) + "}"
    if isinstance(node, list):
        return "[" + ", ".join(map(spell, node)) + "]"
    return json.dumps(node, ensure_ascii=False)
