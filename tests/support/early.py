"""Outcomes that are told early, where it is plain that nothing happened, beside those of judging every key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from unittest.mock import patch

from alerter.model.incident import Checkpoint
from alerter.model.memory import KeyMemory

evaluating = import_module("alerter.detectors.evaluate")  # the package gives the function of that name


@contextmanager
def counted() -> Iterator[list[bool]]:
    """Note of each evaluation whether it was told early."""
    told: list[bool] = []
    ask = evaluating._is_quiet

    def asked(*arguments: object) -> bool:
        told.append(ask(*arguments))
        return told[-1]

    with patch.object(evaluating, "_is_quiet", asked):
        yield told


@contextmanager
def never_early() -> Iterator[None]:
    """Judge every key."""
    with patch.object(evaluating, "_is_quiet", return_value=False):
        yield


def remembered(checkpoint: Checkpoint) -> Checkpoint:
    """Return a checkpoint without keys of which nothing is remembered."""
    keys = {key: memory for key, memory in checkpoint.keys.items() if memory != KeyMemory()}
    return replace(checkpoint, keys=keys)
