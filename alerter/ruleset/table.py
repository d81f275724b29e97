"""The table of ElastAlert's options: ``python -m alerter.ruleset.table docs/elastalert.md`` writes it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from alerter.ruleset import options
from alerter.ruleset.differences import DIFFERENCES, OURS

BEGIN, END = (
    "<!-- options: written by python -m alerter.ruleset.table docs/elastalert.md -->\n",
    "<!-- end of options -->\n",
)
ROUTES = "where messages go is for the [routes](routing.md); `honour_rule_webhooks` lets it count"


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield each of ElastAlert's options, its status and what is different, by name."""
    dead = {f"{prefix}*" for prefix in options.MEANINGLESS_PREFIXES}
    for name in sorted(
        (options.SUPPORTED - OURS) | options.MEANINGLESS.keys() | options.REFUSED.keys() | _routed() | dead
    ):
        if name in dead:
            yield name, "no effect", "all that are not named here: nothing is said of them either"
        elif name in options.REFUSED:
            yield name, "refused", options.REFUSED[name]
        elif name in options.MEANINGLESS:
            yield name, "no effect", options.MEANINGLESS[name]
        elif name in options.SUPPORTED:
            yield name, "differs" if name in DIFFERENCES else "same", DIFFERENCES.get(name, "")
        elif name.startswith(options.RUNS_COMMANDS):
            yield name, "no effect", "alerter runs no commands; a webhook or apprise receiver does it"
        else:
            yield name, "routes", ROUTES


def _routed() -> set[str]:
    """Return the options of notifiers: what begins alike is one row."""
    plain = {name for name in options.ROUTED if not name.startswith(options.ROUTED_PREFIXES)}
    return plain | {f"{prefix}*" for prefix in options.ROUTED_PREFIXES}


def table() -> str:
    """Return the rows as Markdown."""
    lines = [f"| `{name}` | {status} | {_cell(text)} |\n" for name, status, text in rows()]
    return "".join(["| option | status | difference |\n", "|---|---|---|\n", *lines])


def written(text: str) -> str:
    """Return a page with the table between its marks. Raises ValueError where these are missing."""
    between = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not between.search(text):
        raise ValueError("the page has no place for the table")
    return between.sub(lambda _: f"{BEGIN}\n{table()}\n{END}", text)


def _cell(text: str) -> str:
    return text.replace("|", "&#124;")


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")
