"""Find a Java that a given Elasticsearch runs on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from .home import Missing

LEAST = {7: 8, 8: 17, 9: 21}
MOST = {7: 23}
"""7.17 needs the security manager, which Java 24 removed."""


@cache
def find_java(elasticsearch: str) -> Path:
    """Return the home of the oldest Java found that the version runs on; raises Missing."""
    major = int(elasticsearch.partition(".")[0])
    least, most = LEAST[major], MOST.get(major, 999)
    found = sorted((version, folder) for folder in _homes() if least <= (version := _version(folder)) <= most)
    if not found:
        raise Missing(
            f"Elasticsearch {elasticsearch} needs Java {least} or newer",
            f"install openjdk-{max(least, 17)}-jre-headless (Debian 12 has 17), or point ES_JAVA_HOME to one",
        )
    return found[0][1]


def _homes() -> Iterator[Path]:
    named = os.environ.get("ES_JAVA_HOME")
    if named:
        yield Path(named)
        return
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"])
    for pattern in ("/usr/lib/jvm/*", "/opt/java/*", f"{Path.home()}/.sdkman/candidates/java/*"):
        yield from Path("/").glob(pattern.lstrip("/"))
    java = shutil.which("java")
    if java:
        yield Path(java).resolve().parent.parent


def _version(folder: Path) -> int:
    """Return the major version (8, 17, 25), or 0 when there is no working Java."""
    program = folder / "bin" / "java"
    if not program.is_file():
        return 0
    answer = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    return int(match[1]) if match else 0
