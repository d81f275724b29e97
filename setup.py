"""Build step that pyproject.toml cannot say: rules/ and notifiers/ go into the package as data."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
SHIPPED = ("rules", "notifiers")


class BuildWithShipped(build_py):
    """Copies both folders into ``alerter/_shipped``; an editable install reads them from the checkout instead."""

    def run(self) -> None:
        """Build into an empty folder: what an earlier build left there must not get into the wheel."""
        if not self.editable_mode:
            shutil.rmtree(Path(self.build_lib) / "alerter", ignore_errors=True)
        super().run()
        if not self.editable_mode:
            for name in SHIPPED:
                shutil.copytree(HERE / name, Path(self.build_lib) / "alerter" / "_shipped" / name)


setup(cmdclass={"build_py": BuildWithShipped})
