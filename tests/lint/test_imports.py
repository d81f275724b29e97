"""What a check imports: nothing of what asks a cluster, where none is asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from alerter.cli.main import main
code = main(sys.argv[1:])
asks = ("alerter.lint.gathering", "alerter.sources.asking", "alerter.detectors", "elasticsearch", "slack_sdk")
print([name for name in asks if name in sys.modules], code)
"""


def test_a_check_without_a_cluster_imports_nothing_that_asks_one(tmp_path: Path) -> None:
    """It is what an editor and a commit hook wait for."""
    (tmp_path / "r.yaml").write_text("type: any\nindex: i\nowner: me\n", encoding="utf-8")
    command = [sys.executable, "-c", PROGRAM, "check", "--quiet", "r.yaml"]
    found = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False)
    assert found.stdout.splitlines()[-1:] == ["[] 0"], found.stdout + found.stderr
