"""All tests of a call: rules and routes loaded once, each test run by itself, results in file order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alerter.config import Settings
from alerter.errors import UsageError
from alerter.model.rule import Rule
from alerter.routing.load import load_routing
from alerter.routing.own import with_rules
from alerter.routing.tree import Routing, console_routing
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.load import load_rules, rule_files
from alerter.ruletest.events import CannotRun
from alerter.ruletest.expect import Failure, check
from alerter.ruletest.load import ENDINGS
from alerter.ruletest.model import Case, TestFile
from alerter.ruletest.run import run_case
from alerter.ruletest.spread import passed
from alerter.ruletest.trace import Trace


@dataclass(frozen=True)
class Result:
    """One test that ran; ``trace`` None when it could not be started, or passed and nothing more is kept of it."""

    file: TestFile
    case: Case
    rules: tuple[Rule, ...]
    routing: Routing
    failures: tuple[Failure, ...]
    trace: Trace | None

    @property
    def passed(self) -> bool:
        """Whether nothing differed."""
        return not self.failures

    def place(self, failure: Failure) -> Diagnostic:
        """Return a failure as a finding in the file."""
        path = failure.path or self.case.path
        return self.file.document.diagnostic("error", "failed", failure.message, "", path)


@dataclass(frozen=True)
class _Scene:
    """What the tests of a file meet; ``refused`` is why none of them can be run."""

    rules: tuple[Rule, ...]
    routing: Routing
    refused: tuple[Failure, ...]

    def result(
        self, file: TestFile, case: Case, failures: tuple[Failure, ...] = (), trace: Trace | None = None
    ) -> Result:
        """Return what came of a test."""
        return Result(file, case, self.rules, self.routing, failures, trace)


@dataclass
class Suite:
    """Runs test files; rules and routes are read when first needed and then kept."""

    settings: Settings
    routes: tuple[Path, ...] = ()
    select: re.Pattern[str] | None = None
    _rules: dict[Path, tuple[Rule, ...]] = field(default_factory=dict)
    _findings: dict[Path, list[Diagnostic]] = field(default_factory=dict)
    _loaded: set[Path] = field(default_factory=set)
    _routings: dict[tuple[Path, ...], Routing] = field(default_factory=dict)

    def selected(self, files: Sequence[TestFile]) -> list[tuple[TestFile, Case]]:
        """Return the tests whose name is asked for, in file order."""
        every = ((file, case) for file in files for case in file.cases)
        return [one for one in every if self.select is None or self.select.search(one[1].name)]

    def run(
        self,
        files: Sequence[TestFile],
        each: Callable[[Result], None],
        jobs: int = 1,
        done: Callable[[int], None] = lambda _: None,
        *,
        keep: bool = True,
    ) -> int:
        """Run every selected test, hand over its result in file order; return how many there were. Raises UsageError.

        With several ``jobs`` they run in as many processes. Of those that passed the trace is let go unless it is to
        be ``keep``; that of another process never comes here. ``done`` is told how many were run.
        """
        tests = self.selected(files)
        scenes = {name: self._scene(file) for name, file in {file.file: file for file, _ in tests}.items()}
        known: set[int] = set()
        if jobs > 1:
            known = passed(lambda n: _run(*tests[n], scenes[tests[n][0].file], False).passed, len(tests), jobs, done)
        for number, (file, case) in enumerate(tests):
            scene = scenes[file.file]
            each(scene.result(file, case) if number in known else _run(file, case, scene, keep))
            if jobs == 1:
                done(number + 1)
        return len(tests)

    # --- rules and routes --------------------------------------------------------------------------------------

    def _scene(self, file: TestFile) -> _Scene:
        rules = tuple(rule for path in file.rules for rule in self._load(path))
        return _Scene(rules, self._routing_of(file), tuple(self._refused(file)))

    def _refused(self, file: TestFile) -> list[Failure]:
        path = ("rule",) if "rule" in file.document.value else ()
        errors = [d for rule in file.rules for d in self._findings.get(rule.resolve(), ()) if d.severity == "error"]
        if errors:
            return [Failure(path, f"the rule has errors: {d.file}:{d.line}:{d.column}: {d.message}") for d in errors]
        empty = [rule for rule in file.rules if not self._rules.get(rule.resolve())]
        return [Failure(path, f"{rule} holds no rule that is enabled") for rule in empty]

    def _load(self, path: Path) -> tuple[Rule, ...]:
        """Load the folder of the settings that holds the file: its name and its domain depend on the whole."""
        path = path.resolve()
        if path not in self._rules:
            root = next((r for r in self.settings.rules if path.is_relative_to(r.resolve())), path)
            if root.resolve() in self._loaded:
                return ()
            self._loaded.add(root.resolve())
            loaded = load_rules([root], self.settings)
            for rule in loaded.rules:
                home = Path(rule.position.file).resolve()
                self._rules[home] = (*self._rules.get(home, ()), rule)
            for found in loaded.diagnostics:
                self._findings.setdefault(Path(found.file).resolve(), []).append(found)
        return self._rules.get(path, ())

    def rules_below(self, paths: Sequence[Path]) -> list[Rule]:
        """Return the rules of all rule files below the paths, those of test files' own rules included."""
        for path in paths:
            for file in rule_files(path) if path.is_dir() else [path]:
                if not file.name.endswith(ENDINGS):
                    self._load(file)
        below = [path.resolve() for path in paths]
        return [
            rule
            for home, rules in self._rules.items()
            for rule in rules
            if any(home.is_relative_to(path) for path in below)
        ]

    def _routing_of(self, file: TestFile) -> Routing:
        paths = self.routes or file.routes or (self.settings.notifiers if self.settings.configured else ())
        known = tuple(path.resolve() for path in paths)
        if known not in self._routings:
            found = _routing(paths)
            self._routings[known] = with_rules(found, self.settings) if paths == self.settings.notifiers else found
        return self._routings[known]


def _run(file: TestFile, case: Case, scene: _Scene, keep: bool) -> Result:
    if scene.refused:
        return scene.result(file, case, scene.refused)
    try:
        trace = run_case(case, scene.rules, scene.routing)
    except (CannotRun, UsageError) as error:
        path = error.path if isinstance(error, CannotRun) else ()
        reason = error.reason if isinstance(error, CannotRun) else error.message
        return scene.result(file, case, (Failure(path, reason),))
    found = [f for snapshot in trace.snapshots for f in check(snapshot, case.start, trace.reached)]
    if trace.trouble:
        found.append(Failure((), trace.trouble))
    if not found and not keep:
        trace.source.close()
        return scene.result(file, case)
    return scene.result(file, case, tuple(found), trace)


def _routing(paths: tuple[Path, ...]) -> Routing:
    if not paths:
        return console_routing()
    routing, findings = load_routing(paths)
    if routing is None:
        errors = "\n".join(d.text() for d in findings if d.severity == "error")
        raise UsageError(f"the routing files have errors:\n{errors}", "run: alerter check")
    return routing


def by_file(results: Sequence[Result]) -> Mapping[Path, list[Result]]:
    """Group results by their file."""
    grouped: dict[Path, list[Result]] = {}
    for result in results:
        grouped.setdefault(result.file.file, []).append(result)
    return grouped
