"""Random queries for the differential test: the query DSL, Lucene's syntax, KQL and the simple syntax."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any

from tests.conformance.worlds import RARE, WORDS, World, date_text

Json = dict[str, Any]
MATHS = ["||/d", "||+1h", "||-1d/d", "||/M", "||+1M-1d", "||/w", "||/h", "||-90m/m", "||/y", "||+2w/w"]
ZONES = ["+02:00", "-05:30", "Europe/Berlin", "America/New_York", "UTC", "Asia/Kolkata"]
FORMATS = ["yyyy-MM-dd", "strict_date_optional_time", "epoch_millis", "yyyy/MM/dd HH:mm:ss", "epoch_second"]


def chance(random: Random, share: float) -> bool:
    """Tell whether something of this probability happens."""
    return random.random() < share


def date_bound(random: Random) -> Any:
    """Return a bound of a range over dates, with or without mathematics."""
    text = date_text(random, 0.03)
    pick = random.random()
    if pick < 0.3:
        return text + random.choice(MATHS)
    if pick < 0.4:
        return random.choice(["now", "now-1h", "now/d", "now-1d/d", "now+1h/h", "now-7d", "now/w", "now-1M/M"])
    if pick < 0.47:
        return random.choice(
            [1773144000000, "1773144000000", 2026, "2026", "2026-03", "2026-03-10T12", 1773144000000.5]
        )
    return text


def _bounds(random: Random, world: World, field: str) -> Json:
    is_date = world.kinds.get(field) in ("date", "epoch", "log date") and not chance(random, 0.05)

    def bound() -> Any:
        return date_bound(random) if is_date else world.value(random, field)

    found: Json = {}
    if chance(random, 0.8):
        found[random.choice(["gte", "gt"])] = bound()
    if chance(random, 0.7) or not found:
        found[random.choice(["lte", "lt"])] = bound()
    if chance(random, 0.05):
        found[random.choice(["gte", "lt"])] = None
    if is_date and chance(random, 0.15):
        found["time_zone"] = random.choice(ZONES)
    if is_date and chance(random, 0.08):
        found["format"] = random.choice(FORMATS)
    return found


def _pattern(random: Random, text: str) -> str:
    text = text[:20]
    for _ in range(random.randint(1, 2)):
        at = random.randint(0, len(text))
        text = text[:at] + random.choice(["*", "?", "*", "\\*"]) + text[at + random.randint(0, 2) :]
    return text


def _expression(random: Random, text: str) -> str:
    text = re.sub(r"([^\w\s])", r"\\\1", text[:12])
    pieces = [
        ".*",
        ".+",
        "[a-z]+",
        "[^a-z]",
        "(a|b)?",
        "e{1,2}",
        "<1-600>",
        "\\d+",
        "\\w*",
        "@",
        "~(err.*)",
        ".*&.{3}",
        ".",
    ]
    pieces += [
        "(GET|POST) .*",
        ".*(err|fail|time).*",
        "[a-zA-Z0-9]+",
        "[^ ]+",
        "(er+|[a-c])*",
        "(.*er|in.*)",
        "x|y",
        "[-_.]",
    ]
    pieces += ["[0-9]{3}", "(error|warn.*)", "#", '"er"', "\\s", "\\D*", "[\\d.]+", "a*"]
    at = random.randint(0, len(text))
    return text[:at] + random.choice(pieces) + text[at + random.randint(0, 3) :]


def _fuzziness(random: Random) -> Any:
    return random.choice(["AUTO", "AUTO", 0, 1, 2, "1", "AUTO:2,5", "auto"])


def _minimum(random: Random) -> Any:
    return random.choice([1, 2, "50%", "-1", "2<75%", "-25%", 0, 3, "1<-1 3<50%", 5])


def _text_options(random: Random, allowed: Json) -> Json:
    return {name: make(random) for name, make in allowed.items() if chance(random, 0.12)}


_FUZZY: Json = {
    "fuzziness": _fuzziness,
    "prefix_length": lambda r: r.choice([0, 1, 2]),
    "fuzzy_transpositions": lambda r: chance(r, 0.5),
    "max_expansions": lambda r: r.choice([50, 200]),
}
_MATCH: Json = {
    "operator": lambda r: r.choice(["and", "or", "AND"]),
    "minimum_should_match": _minimum,
    "lenient": lambda r: chance(r, 0.7),
    "zero_terms_query": lambda r: r.choice(["none", "all"]),
    **_FUZZY,
}
_PHRASE: Json = {
    "slop": lambda r: r.choice([0, 1, 2, 5]),
    "zero_terms_query": lambda r: r.choice(["none", "all"]),
}


def _fields(random: Random, world: World) -> list[str]:
    patterns = ["*", "mess*", "*.keyword", "user.*", "host*", "*e", "message^2", "level^0.5"]
    return [
        random.choice(patterns) if chance(random, 0.25) else world.field(random) for _ in range(random.randint(1, 4))
    ]


def _match(random: Random, world: World) -> Json:
    field = world.field(random)
    body = {"query": world.value(random, field), **_text_options(random, _MATCH)}
    return {"match": {field: body if len(body) > 1 or chance(random, 0.5) else body["query"]}}


def _phrase(random: Random, world: World) -> Json:
    field = world.string(random)
    kind = random.choice(["match_phrase", "match_phrase", "match_phrase_prefix", "match_bool_prefix"])
    allowed = _MATCH if kind == "match_bool_prefix" else _PHRASE
    skipped = ("lenient", "zero_terms_query") if kind == "match_bool_prefix" else ()
    options = {name: value for name, value in _text_options(random, allowed).items() if name not in skipped}
    return {kind: {field: {"query": world.value(random, field), **options}}}


def _multi_match(random: Random, world: World) -> Json:
    body: Json = {"query": world.value(random, world.field(random)), **_text_options(random, {**_MATCH, **_PHRASE})}
    if chance(random, 0.9):
        body["fields"] = _fields(random, world)
    if chance(random, 0.5):
        kinds = ["best_fields", "most_fields", "phrase", "phrase_prefix", "bool_prefix"]
        body["type"] = random.choice(kinds)
    return {"multi_match": body}


def _term(random: Random, world: World) -> Json:
    field = world.field(random)
    body: Json = {"value": world.value(random, field)}
    if world.kinds.get(field) == "address" and chance(random, 0.3):
        body["value"] = random.choice(["10.0.0.0/8", "192.168.1.0/24", "10.0.0.7/32", "2001:db8::/32", "::/0"])
    if chance(random, 0.1):
        body["case_insensitive"] = chance(random, 0.7)
    return {"term": {field: body if len(body) > 1 or chance(random, 0.3) else body["value"]}}


def _terms(random: Random, world: World) -> Json:
    field = world.field(random)
    return {"terms": {field: [world.value(random, field) for _ in range(random.randint(0, 4))]}}


def _pattern_query(random: Random, world: World) -> Json:
    field = world.string(random)
    kind = random.choice(["wildcard", "prefix", "regexp", "fuzzy"])
    text = world.text(random, field)
    make = {"wildcard": _pattern, "prefix": lambda r, t: t[: r.randint(0, 4)], "regexp": _expression}
    body: Json = {"value": make[kind](random, text) if kind in make else text[:30]}
    if kind != "fuzzy" and chance(random, 0.2):
        body["case_insensitive"] = True
    if kind == "fuzzy":
        body.update(_text_options(random, {"fuzziness": _fuzziness, "prefix_length": _FUZZY["prefix_length"]}))
        if chance(random, 0.15):
            body["transpositions"] = False
    if kind == "regexp" and chance(random, 0.15):
        body["flags"] = random.choice(["NONE", "ALL", "COMPLEMENT|INTERVAL", "INTERSECTION"])
    return {kind: {field: body if len(body) > 1 else body["value"]}}


def _bool(random: Random, world: World) -> Json:
    body: Json = {}
    for group in ("must", "filter", "should", "must_not"):
        if chance(random, 0.4):
            listed = [query(random, world, 0.35) for _ in range(random.randint(1, 3))]
            body[group] = listed[0] if len(listed) == 1 and chance(random, 0.4) else listed
    if chance(random, 0.2):
        body["minimum_should_match"] = _minimum(random)
    return {"bool": body}


def _other(random: Random, world: World) -> Json:
    inner = query(random, world, 0.35)
    return random.choice(
        [
            {"constant_score": {"filter": inner}},
            {"dis_max": {"queries": [inner, query(random, world, 0.35)]}},
            {"match_all": {}},
            {"match_none": {}},
            {"ids": {"values": ["1", "7", "nosuch"]}},
        ]
    )


def _exists(random: Random, world: World) -> Json:
    return {"exists": {"field": random.choice([world.field(random), "host", "user.*", "items"])}}


def _range(random: Random, world: World) -> Json:
    field = world.field(random) if chance(random, 0.6) else "@timestamp"
    return {"range": {field: _bounds(random, world, field)}}


_LUCENE = re.compile(r'([+\-=&|><!(){}\[\]^"~*?:\\/\s])')


def _escaped(text: str) -> str:
    return _LUCENE.sub(r"\\\1", text)


def lucene_clause(random: Random, world: World, depth: int = 0) -> str:
    """Write one clause of Lucene's syntax."""
    if depth < 2 and chance(random, 0.15):
        inner = lucene(random, world, depth + 1)
        return f"({inner})" if chance(random, 0.6) else f"{_escaped(world.field(random))}:({inner})"
    field = world.field(random)
    pick = random.random()
    if pick > 0.75 and chance(random, 0.9):
        field = world.string(random)
    text = world.text(random, field)[:60]
    if pick < 0.35:
        value = _escaped(text) if chance(random, 0.7) else random.choice(WORDS)
    elif pick < 0.5:
        value = '"' + re.sub(r'(["\\])', r"\\\1", text) + '"' + random.choice(["", "", "", "~1", "~3"])
    elif pick < 0.65:
        ends = [_range_end(random, world, field) for _ in range(2)]
        value = random.choice("[[{") + " TO ".join(ends) + random.choice("]]}")
    elif pick < 0.75:
        value = random.choice([">", ">=", "<", "<="]) + _escaped(text.split()[0] if text.split() else "5")
    elif pick < 0.87:
        value = re.sub(r"\\([*?])", r"\1", _escaped(_pattern(random, text.split()[0] if text.split() else "a")))
    elif pick < 0.92:
        value = "/" + _expression(random, text.split()[0] if text.split() else "a").replace("/", "\\/") + "/"
    else:
        value = _escaped(text.split()[0] if text.split() else "a") + random.choice(["~", "~1", "~2", "^2", "~1^3"])
    if chance(random, 0.06):
        return f"_exists_:{_escaped(field)}"
    return value if chance(random, 0.3) else f"{_escaped(field)}:{value}"


def _range_end(random: Random, world: World, field: str) -> str:
    if chance(random, 0.2):
        return "*"
    text = str(date_bound(random)) if world.kinds.get(field) == "date" else world.text(random, field)[:20]
    if " " in text or chance(random, 0.2) or not text:
        return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
    return re.sub(r"([\]}\\])", r"\\\1", text)


def lucene(random: Random, world: World, depth: int = 0) -> str:
    """Write a query of Lucene's syntax."""
    found = ""
    for number in range(random.choice([1, 1, 2, 2, 3, 4])):
        if number:
            found += random.choice([" ", " AND ", " OR ", " AND ", " OR ", " && ", " || ", " and "])
        found += random.choice(["", "", "", "", "NOT ", "-", "+", "!"]) + lucene_clause(random, world, depth)
    if chance(random, 0.03):
        at = random.randint(0, len(found))
        found = found[:at] + random.choice('()[]{}":~^/\\+-! ') + found[at:]
    return found


_STRING: dict[str, Callable[[Random], Any]] = {
    "default_operator": lambda r: r.choice(["AND", "OR", "and"]),
    "analyze_wildcard": lambda r: chance(r, 0.7),
    "allow_leading_wildcard": lambda r: chance(r, 0.5),
    "lenient": lambda r: chance(r, 0.5),
    "minimum_should_match": _minimum,
    "phrase_slop": lambda r: r.choice([0, 2]),
    "time_zone": lambda r: r.choice(ZONES),
    "type": lambda r: r.choice(["best_fields", "phrase", "phrase_prefix", "bool_prefix", "most_fields"]),
    "fuzziness": _fuzziness,
    "escape": lambda r: chance(r, 0.3),
}


def query_string(random: Random, world: World) -> Json:
    """Return a ``query_string`` with random options."""
    options = {name: make(random) for name, make in _STRING.items() if chance(random, 0.05)}
    if chance(random, 0.15):
        options["default_field"] = random.choice([world.field(random), "*", "message"])
    elif chance(random, 0.15):
        options["fields"] = _fields(random, world)
    return {"query_string": {"query": lucene(random, world), **options}}


def simple_query_string(random: Random, world: World) -> Json:
    """Return a ``simple_query_string`` with random options."""
    text = ""
    for _ in range(random.randint(1, 4)):
        word = world.text(random, world.field(random))[:25]
        forms = [word, f'"{word}"', word[:4] + "*", word + "~1", f"({word})", "-" + word, "+" + word, f'"{word}"~2']
        text += random.choice(forms) + random.choice([" ", " | ", " + ", " "])
    body: Json = {"query": text}
    if chance(random, 0.6):
        body["fields"] = _fields(random, world)
    if chance(random, 0.3):
        body["default_operator"] = random.choice(["and", "or"])
    if chance(random, 0.1):
        body["minimum_should_match"] = _minimum(random)
    if chance(random, 0.2):
        body["lenient"] = chance(random, 0.5)
    if chance(random, 0.1):
        body["flags"] = random.choice(["ALL", "NONE", "AND|OR|PREFIX", "PHRASE|SLOP", "NOT|WHITESPACE"])
    return {"simple_query_string": body}


def kql(random: Random, world: World, depth: int = 0) -> str:
    """Write a KQL expression."""
    if depth < 3 and chance(random, 0.4):
        joint = random.choice([" and ", " or ", " AND ", " Or "])
        parts = [kql(random, world, depth + 1) for _ in range(random.randint(2, 3))]
        text = joint.join(parts)
        return f"({text})" if depth else text
    field = random.choice([world.field(random), world.field(random), "*", "user.*"])
    text = world.text(random, field)[:40]
    escaped = re.sub(r'([\\():<>"*{}])', r"\\\1", text)
    quoted = '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
    wild = escaped[:5].rstrip("\\") + "*"
    value = random.choice(
        [quoted, escaped or quoted, quoted, wild, f"*{wild}", escaped[:2].rstrip("\\") + "*" + escaped[-2:], "*"]
    )
    if not value.strip():
        value = quoted
    found = f"{field}{random.choice([':', ': ', ' : '])}{value}"
    if chance(random, 0.15):
        found = f"{field}: ({value} {random.choice(['or', 'and', 'or not', 'or (not'])} {quoted})"
        found += ")" * (found.count("(not"))
    elif chance(random, 0.2) and "*" not in field:
        bound = str(date_bound(random)) if world.kinds.get(field) == "date" else text
        bound = random.choice([bound, f'"{bound}"']) if re.fullmatch(r"[\w.+-]+", bound) else quoted
        found = f"{field} {random.choice(['>', '>=', '<', '<='])} {bound}"
    elif chance(random, 0.1):
        found = value
    return ("not " if chance(random, 0.15) else "") + found


_LEAVES: list[tuple[Callable[[Random, World], Json], int]] = [
    (_term, 10),
    (_terms, 5),
    (_range, 12),
    (_exists, 4),
    (_match, 12),
    (_phrase, 9),
    (_multi_match, 8),
    (_pattern_query, 10),
    (query_string, 22),
    (simple_query_string, 5),
    (lambda random, world: {"kql": kql(random, world)}, 8),
    (_other, 3),
]


def query(random: Random, world: World, compound: float = 0.2) -> Json:
    """Return a random query; ``compound`` is the chance that it is a boolean one."""
    if chance(random, compound / 2):
        return _bool(random, world)
    makers, weights = zip(*_LEAVES, strict=True)
    return dict(random.choices(makers, weights)[0](random, world))


__all__ = ["RARE", "query"]
