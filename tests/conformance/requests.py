"""Random search requests for the differential test: queries, aggregations and what is asked of hits."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from tests.conformance.queries import FORMATS, ZONES, Json, chance, date_bound, query
from tests.conformance.worlds import World

_DATES = ("date", "date", "log date", "epoch")
_NUMERIC = ("whole", "fraction", "big", "date", "epoch", "flag")
_METRICS = ["min", "max", "avg", "sum", "stats", "value_count", "cardinality", "percentiles"]


def _field(random: Random, world: World, *kinds: str) -> str:
    fitting = [name for name, kind in world.kinds.items() if kind in kinds]
    return random.choice(fitting) if fitting and not chance(random, 0.06) else world.sortable(random)


def _order(random: Random, below: Json | None) -> Any:
    choices: list[Json] = [{"_count": "desc"}, {"_key": "asc"}, {"_key": "desc"}, {"_count": "asc"}]
    for name, definition in (below or {}).items():
        kind = next(iter(definition))
        if kind in ("min", "max", "avg", "sum", "value_count", "cardinality"):
            choices += [{name: "desc"}, {name: "asc"}] * 2
        elif kind == "stats":
            choices += [{f"{name}.max": "desc"}, {f"{name}.avg": "asc"}]
        elif kind in ("filter", "missing"):
            choices.append({name: "desc"})
    return random.choice(choices) if chance(random, 0.8) else random.sample(choices, 2)


def _terms(random: Random, world: World, below: Json | None) -> Json:
    field = world.sortable(random) if chance(random, 0.8) else "seq"
    body: Json = {"field": field, "size": random.choice([1, 3, 10, 100])}
    if chance(random, 0.3):
        body["order"] = _order(random, below)
    if chance(random, 0.2):
        body["min_doc_count"] = random.choice([0, 1, 2, 3])
    if chance(random, 0.12):
        body["missing"] = world.value(random, field)
    if chance(random, 0.12):
        values = [world.value(random, field) for _ in range(random.randint(0, 3))]
        body[random.choice(["include", "exclude"])] = random.choice([values, "e.*", ".*r", "[A-Z]+|x"])
    if chance(random, 0.05):
        body["show_term_doc_count_error"] = True
    return body


def _date_histogram(random: Random, world: World, below: Json | None) -> Json:
    body: Json = {"field": _field(random, world, *_DATES)}
    if chance(random, 0.7):
        body["fixed_interval"] = random.choice(["1d", "12h", "90m", "7d", "30d", "1h", "10000m"])
        body["min_doc_count"] = 1
    else:
        body["calendar_interval"] = random.choice(["month", "1d", "week", "year", "quarter", "1M", "1h"])
        if not chance(random, 0.1) or body["calendar_interval"] == "1h":
            body["min_doc_count"] = random.choice([1, 1, 2])
    if chance(random, 0.25):
        body["offset"] = random.choice(["+6h", "-30m", "1ms", "-1ms", "90s", "+1d"])
    if chance(random, 0.25):
        body["time_zone"] = random.choice(ZONES)
    if chance(random, 0.1):
        body["format"] = random.choice(FORMATS)
    if chance(random, 0.1):
        body["missing"] = "2026-03-10"
    if chance(random, 0.1):
        body["keyed"] = True
    if chance(random, 0.15):
        body["order"] = _order(random, below)
    if chance(random, 0.08):
        ends = {"min": "2026-03-01", "max": "2026-03-12"}
        body["extended_bounds"] = ends
    return body


def _histogram(random: Random, world: World, below: Json | None) -> Json:
    body: Json = {"field": _field(random, world, "whole", "big"), "interval": random.choice([100, 50, 1000, 250.5, 7])}
    body["min_doc_count"] = random.choice([1, 1, 1, 2])
    if chance(random, 0.15):
        body["offset"] = random.choice([10, 0.5, -30])
    if chance(random, 0.15):
        body["missing"] = random.choice([0, 999, "5"])
    if chance(random, 0.15):
        body["order"] = _order(random, below)
    if chance(random, 0.1):
        body["keyed"] = True
    return body


def _range(random: Random, world: World, _: Json | None) -> Json:
    points: list[Any] = sorted(random.choice([0, 100, 200.5, 404, 500, -5]) for _ in range(3))
    ranges: list[Json] = [{"to": points[0]}, {"from": points[0], "to": points[2]}, {"from": points[1]}]
    if chance(random, 0.2):
        ranges[0]["key"] = "low"
    body: Json = {"field": _field(random, world, "whole", "fraction"), "ranges": random.sample(ranges, 2)}
    if chance(random, 0.15):
        body["keyed"] = True
    if chance(random, 0.1):
        body["missing"] = 100
    return body


def _date_range(random: Random, world: World, _: Json | None) -> Json:
    bounds = [str(date_bound(random)).replace("now", "2026-03-10T12:34:56.789Z||") for _ in range(3)]
    ranges = [{"to": bounds[0]}, {"from": bounds[1], "to": bounds[2]}, {"from": bounds[0]}]
    body: Json = {"field": _field(random, world, *_DATES), "ranges": random.sample(ranges, 2)}
    if chance(random, 0.15):
        body["time_zone"] = random.choice(ZONES)
    if chance(random, 0.1):
        body["format"] = random.choice(FORMATS)
    return body


def _composite(random: Random, world: World, _: Json | None) -> Json:
    sources = []
    for number in range(random.randint(1, 3)):
        options: Json
        pick = random.random()
        if pick < 0.65:
            kind, options = "terms", {"field": world.sortable(random)}
        elif pick < 0.9:
            kind, options = "date_histogram", {"field": _field(random, world, *_DATES), "fixed_interval": "1d"}
            if chance(random, 0.2):
                options["offset"] = "1ms"
            if chance(random, 0.2):
                options["format"] = random.choice(FORMATS)
            if chance(random, 0.2):
                options["time_zone"] = "+02:00"
        else:
            kind, options = "histogram", {"field": _field(random, world, "whole"), "interval": 100}
        if chance(random, 0.25):
            options["order"] = random.choice(["asc", "desc"])
        if chance(random, 0.4):
            options["missing_bucket"] = True
            if chance(random, 0.3):
                options["missing_order"] = random.choice(["first", "last", "default"])
        sources.append({f"s{number}": {kind: options}})
    return {"sources": sources, "size": random.choice([2, 10, 100])}


def _metric(random: Random, world: World) -> Json:
    kind = random.choice(_METRICS)
    kinds = ("level", "text") if kind in ("value_count", "cardinality") else _NUMERIC
    body: Json = {"field": _field(random, world, *kinds)}
    if kind in ("value_count", "cardinality") and chance(random, 0.6):
        body["field"] = world.sortable(random)
    if chance(random, 0.1):
        body["missing"] = world.value(random, body["field"])
    if kind == "percentiles":
        body["percents"] = random.choice([[50], [0, 50, 100], [95.0, 99]])
    return {kind: body}


def _top_hits(random: Random, world: World) -> Json:
    return {"top_hits": {**_hits(random, world), "size": random.choice([1, 2, 3]), "sort": [{"seq": "asc"}]}}


def aggregation(random: Random, world: World, depth: int = 0) -> Json:
    """Return one random aggregation with what is nested in it."""
    if chance(random, 0.25 + depth * 0.25):
        return _metric(random, world) if chance(random, 0.85) else _top_hits(random, world)
    below = {f"m{i}": aggregation(random, world, depth + 1) for i in range(random.choice([0, 1, 1, 2]))} or None
    makers = {
        "terms": (_terms, 6),
        "date_histogram": (_date_histogram, 4),
        "histogram": (_histogram, 2),
        "range": (_range, 2),
        "date_range": (_date_range, 2),
        "composite": (_composite, 3 if depth == 0 else 0),
        "filter": (lambda r, w, _: query(r, w), 2),
        "filters": (_filters, 2),
        "missing": (lambda r, w, _: {"field": w.sortable(r)}, 1),
        "global": (lambda _, __, ___: {}, 1 if depth == 0 else 0),
    }
    kind = random.choices(list(makers), [weight for _, weight in makers.values()])[0]
    found = {kind: makers[kind][0](random, world, below)}
    return {**found, "aggs": below} if below else found


def _filters(random: Random, world: World, _: Json | None) -> Json:
    listed = [query(random, world) for _ in range(random.randint(1, 3))]
    body: Json = {"filters": listed if chance(random, 0.5) else {f"f{i}": each for i, each in enumerate(listed)}}
    if chance(random, 0.3):
        body["other_bucket"] = True
    return body


def _sort(random: Random, world: World) -> list[Any]:
    keys: list[Any] = []
    for _ in range(random.randint(0, 2)):
        field = world.sortable(random)
        options: Json = {"order": random.choice(["asc", "desc"])}
        if chance(random, 0.25):
            options["missing"] = random.choice(["_first", "_last", world.value(random, field)])
        if chance(random, 0.15):
            options["mode"] = random.choice(["min", "max"])
        if chance(random, 0.3):
            options["unmapped_type"] = random.choice(["long", "keyword", "date"])
        if chance(random, 0.1):
            options["format"] = random.choice(FORMATS)
        keys.append({field: options})
    return [*keys, {"seq": random.choice(["asc", "desc"])}]


def _hits(random: Random, world: World) -> Json:
    body: Json = {"_source": False}
    if chance(random, 0.4):
        listed = [random.choice([world.field(random), "user.*", "*.name", "host", "*"]) for _ in range(2)]
        body["_source"] = random.choice([True, listed[0], listed, {"includes": listed}, {"excludes": listed}])
    for option in ("fields", "docvalue_fields"):
        if chance(random, 0.3):
            name = world.sortable if option == "docvalue_fields" else world.field
            items: list[Any] = [name(random) for _ in range(random.randint(1, 2))]
            if chance(random, 0.2):
                items[0] = {"field": _field(random, world, *_DATES), "format": random.choice(FORMATS)}
            if option == "fields" and chance(random, 0.15):
                items.append(random.choice(["*", "user.*", "*.keyword"]))
            body[option] = items
    return body


def request(random: Random, world: World) -> Json:
    """Return a random search request whose hits have one order only."""
    pick = random.random()
    if pick < 0.62:
        return {"query": query(random, world), "size": 100, "sort": [{"seq": "asc"}], "_source": False}
    body: Json = {"query": query(random, world)} if chance(random, 0.5) else {}
    if pick < 0.87:
        aggregations = {f"a{i}": aggregation(random, world) for i in range(random.choice([1, 1, 2]))}
        return {**body, "size": 0, "aggs": aggregations}
    body = {**body, **_hits(random, world), "sort": _sort(random, world), "size": random.choice([3, 10, 100])}
    if chance(random, 0.2):
        body["from"] = random.choice([0, 2, 5])
    if chance(random, 0.2):
        body["track_total_hits"] = random.choice([True, False, 5])
    if chance(random, 0.15):
        body["post_filter"] = query(random, world)
    return body


def following(body: Json, answer: Json) -> Iterator[Json]:
    """Yield the requests for the next page of hits and of each composite aggregation, where an answer filled one."""
    if answer.get("sort") and len(answer["ids"]) == body["size"] and "from" not in body:
        yield {**body, "search_after": answer["sort"][-1]}
    for name, definition in body.get("aggs", {}).items():
        key = answer.get("aggregations", {}).get(name, {}).get("after_key")
        if key is not None:
            yield {**body, "aggs": {name: {**definition, "composite": {**definition["composite"], "after": key}}}}
