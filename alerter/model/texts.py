"""What a rule's messages say by ElastAlert's options: subject and text, and what is counted for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from alerter.clock import Millis

MISSING = "<MISSING VALUE>"
"""What stands for a value that there is not, unless ``alert_missing_value`` names another text."""
LONGEST_SUBJECT = 2_048
"""Characters of a subject, unless ``alert_subject_max_len`` names another number; more is cut."""


class TextType(StrEnum):
    """ElastAlert's ``alert_text_type``: what a message shows beside ``alert_text``."""

    DEFAULT = "default"
    ONLY = "alert_text_only"
    EXCLUDE_FIELDS = "exclude_fields"
    SUMMARY_ONLY = "aggregation_summary_only"
    JINJA = "alert_text_jinja"


@dataclass(frozen=True)
class Filling:
    """A text and what it is filled with: fields by their paths, or the names of options.

    ``args`` and ``keywords`` (path to name) are None where the rule has none: then the text is not filled in at all.
    With ``jinja`` it is a template.
    """

    source: str = ""
    args: tuple[str, ...] | None = None
    keywords: tuple[tuple[str, str], ...] | None = None
    jinja: bool = False

    @property
    def paths(self) -> Iterator[str]:
        """Yield the fields or options that it is filled with, but for those of a template."""
        yield from self.args or ()
        yield from (path for path, _ in self.keywords or ())


@dataclass(frozen=True)
class AlertTexts:
    """ElastAlert's texts of a rule. ``options`` are those of the rule that texts may name; none holds a credential."""

    subject: Filling = Filling()
    subject_length: int = LONGEST_SUBJECT
    text: Filling = Filling()
    type: TextType = TextType.DEFAULT
    missing: str = MISSING
    root: str = "_data"
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def alone(self) -> bool:
        """Whether nothing of the match is shown beside the text."""
        return self.type in (TextType.ONLY, TextType.JINJA)

    @property
    def paths(self) -> tuple[str, ...]:
        """What the texts are filled with, in order, each once."""
        return tuple(dict.fromkeys((*self.subject.paths, *self.text.paths)))


@dataclass(frozen=True)
class Discover:
    """What a link into Discover shows: the index pattern's id ("": the rule's index), columns, and the period.

    ``before`` and ``after`` are lengths around the match; None means the match's window.
    """

    index: str = ""
    columns: tuple[str, ...] = ()
    before: Millis | None = None
    after: Millis | None = None


@dataclass(frozen=True)
class Column:
    """One column of a summary table: a field's path, and what stands above it."""

    path: str
    header: str


class TableStyle(StrEnum):
    """ElastAlert's ``summary_table_type``."""

    ASCII = "ascii"
    MARKDOWN = "markdown"
    HTML = "html"


Counts = tuple[tuple[tuple[str, ...], int], ...]
"""Rows of a table: the values of its columns, and how many events have them."""


@dataclass(frozen=True)
class Table:
    """A table of counts by the fields of ``columns``, the most frequent first; ``rows`` None means as many as fit."""

    columns: tuple[Column, ...]
    style: TableStyle = TableStyle.ASCII
    rows: int | None = None
    prefix: str = ""
    suffix: str = ""


@dataclass(frozen=True)
class Gathering:
    """ElastAlert's ``aggregation``: one message for what matches within ``period``, or up to the next time of ``cron``.

    Matches with different values of ``key`` are told apart (none: all together). ``by_match``: the period begins with
    the first match and not when that was seen.
    """

    period: Millis = 0
    cron: str | None = None
    timezone: str = "UTC"
    key: tuple[str, ...] = ()
    by_match: bool = False


@dataclass(frozen=True)
class Top:
    """The most frequent values of a field with their counts; ``others`` are the events with any other value."""

    name: str
    rows: tuple[tuple[str, int], ...] = ()
    others: int = 0


@dataclass(frozen=True)
class Texts:
    """All that ElastAlert's options say about a rule's messages.

    ``top`` names the fields whose ``top_number`` most frequent values are shown; ``related`` asks for the other events
    of the window.
    """

    alert: AlertTexts = AlertTexts()
    discover: Discover = Discover()
    top: tuple[str, ...] = ()
    top_number: int = 5
    related: bool = False
    table: Table | None = None
    gathering: Gathering | None = None

    @property
    def counted(self) -> tuple[str, ...]:
        """The fields whose values are counted for messages, each once."""
        columns = self.table.columns if self.table is not None else ()
        return tuple(dict.fromkeys((*self.top, *(column.path for column in columns))))


NO_TEXTS = Texts()
"""Those of a rule that has none of these options."""
