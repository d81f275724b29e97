"""A backtest: every setting through the production engine, over events that are read once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from alerter.backtest.labels import Label
from alerter.backtest.reading import readers
from alerter.backtest.score import Score, Suggestion, score, suggest
from alerter.backtest.sweep import Setting
from alerter.clock import Millis
from alerter.engine.dryrun import dry_run
from alerter.model.rule import Rule
from alerter.routing.tree import Routing
from alerter.sources.protocol import Source


@dataclass(frozen=True)
class Backtest:
    """The answer over ``(start, end]``; ``events`` were counted or read, by ``requests`` to the server."""

    rule: Rule
    start: Millis
    end: Millis
    events: int
    requests: int
    labels: tuple[Label, ...]
    scores: tuple[Score, ...]
    suggestion: Suggestion


def backtest(
    settings: Sequence[Setting],
    source: Source,
    routing: Routing,
    span: tuple[Millis, Millis],
    labels: Sequence[Label] = (),
    early: Millis = 0,
    progress: Callable[[int], None] | None = None,
) -> Backtest:
    """Try all settings of a rule over ``(start, end]``, telling ``progress`` how many are done. Raises SourceError."""
    rules = [setting.rule for setting in settings]
    each = readers(source, rules, *span)
    asked = source.requests
    scores: list[Score] = []
    for setting, reader in zip(settings, each, strict=True):
        answer = dry_run(setting.rule, source, routing, *span, reader)
        scores.append(score(setting, answer, labels, early))
        if progress is not None:
            progress(len(scores))
    return Backtest(
        next((one.rule for one in settings if one.written), rules[0]),
        *span,
        sum(reader.events for reader in dict.fromkeys(each)),
        source.requests - asked,
        tuple(labels),
        tuple(scores),
        suggest(scores, labels),
    )
