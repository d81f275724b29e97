"""docs/elastalert.md says of each option what the code does with it."""

from __future__ import annotations

from pathlib import Path

from alerter.config import Settings
from alerter.ruleset.differences import DIFFERENCES, OURS
from alerter.ruleset.load import load_rules
from alerter.ruleset.options import MEANINGLESS, REFUSED, SUPPORTED
from alerter.ruleset.table import rows, written

PAGE = Path(__file__).parents[2] / "docs" / "elastalert.md"


def test_the_page_holds_the_table_of_the_code() -> None:
    """When this fails: python -m alerter.ruleset.table docs/elastalert.md."""
    text = PAGE.read_text(encoding="utf-8")
    assert written(text) == text


def test_each_option_has_one_place() -> None:
    """An option is supported, without effect, or refused, and one that is said to differ is supported."""
    assert SUPPORTED.isdisjoint(MEANINGLESS.keys() | REFUSED.keys())
    assert MEANINGLESS.keys().isdisjoint(REFUSED.keys())
    assert OURS | DIFFERENCES.keys() <= SUPPORTED
    assert OURS.isdisjoint(DIFFERENCES)


def test_the_status_is_what_check_says(tmp_path: Path) -> None:
    """Refused options are errors; those without effect are infos (credentials: warnings); others are neither."""
    names = [(name, status) for name, status, _ in rows() if status in ("refused", "no effect") and "*" not in name]
    for name, status in names:
        file = tmp_path / "rule.yaml"
        file.write_text(f"type: any\nindex: logs\n{name}: 1\n", encoding="utf-8")
        severities = {d.severity for d in load_rules([file], Settings()).diagnostics if d.line == 3}
        assert severities <= ({"error"} if status == "refused" else {"info", "warning"}), name
        assert severities, name
