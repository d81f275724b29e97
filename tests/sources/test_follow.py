"""Files followed as they grow: what cannot be followed is refused, what is left out is said."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path

import pytest

from alerter.errors import UsageError
from alerter.sources import embedded
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.follow import Feed

LINE = b'{"@timestamp": "2026-03-10T11:00:00Z"}\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a data file that is not there yet."""
    return tmp_path / "events.ndjson"


def append(file: Path, text: bytes) -> None:
    """Let the file grow."""
    with file.open("ab") as stream:
        stream.write(text)


def test_complete_lines_are_taken_once(file: Path) -> None:
    """A missing file is awaited, half a line too; a truncated file is read from its start."""
    source = EmbeddedSource()
    feed = Feed(source, [file])
    feed.poll()
    append(file, LINE + LINE[:10])
    feed.poll()
    assert source.events == 1
    append(file, LINE[10:])
    feed.poll()
    feed.poll()
    assert source.events == 2
    file.write_bytes(LINE)
    feed.poll()
    assert source.events == 3


def test_what_is_left_out_is_logged_once_with_its_line(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Bad lines and documents that a server would reject are said when they are read, not again."""
    feed = Feed(EmbeddedSource(), [file])
    append(file, LINE + b"nonsense\n" + LINE)
    with caplog.at_level(logging.WARNING):
        feed.poll()
        feed.poll()
    assert [r.getMessage() for r in caplog.records if f"{file}:2: not JSON" in r.getMessage()] != []
    assert len(caplog.records) == 1
    caplog.clear()
    append(file, LINE + b'{"@timestamp": "yesterday"}\n[]\n')
    with caplog.at_level(logging.WARNING):
        feed.poll()
    assert [r.getMessage().split("; ")[0] for r in caplog.records] == [
        "data: 1 of 3 lines left out as no documents",
        "data: 1 of 3 lines left out, a server would reject them",
    ]
    assert f"{file}:6:" in caplog.records[0].getMessage()
    assert f"{file}:5:" in caplog.records[1].getMessage()


def test_folder_is_refused(tmp_path: Path) -> None:
    """A folder, or a file that may not be read, is a mistake that is named."""
    feed = Feed(EmbeddedSource(), [tmp_path])
    with pytest.raises(UsageError, match="cannot read the data file") as caught:
        feed.poll()
    assert str(tmp_path) in caught.value.message


def test_packed_file_is_refused(file: Path) -> None:
    """A gzip file cannot be followed, whatever its name; unpacked it is read."""
    source = EmbeddedSource()
    feed = Feed(source, [file])
    file.write_bytes(gzip.compress(LINE * 3))
    for _ in range(2):
        with pytest.raises(UsageError, match="packed with gzip"):
            feed.poll()
    file.write_bytes(LINE * 3)
    feed.poll()
    assert source.events == 3
    assert source.warnings == []


def test_too_many_documents_stay_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a line was not taken, nothing is evaluated on the rest as if it were all."""
    monkeypatch.setattr(embedded, "REFUSE_ABOVE", 2)
    feed = Feed(EmbeddedSource(), [file])
    append(file, LINE * 3)
    for _ in range(2):
        with pytest.raises(UsageError, match="too many to hold"):
            feed.poll()
