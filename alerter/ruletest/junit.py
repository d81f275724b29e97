"""Results as JUnit's XML, which CI servers read: a suite per file, a case per test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruletest.report import failed_text
from alerter.ruletest.suite import Result, by_file

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold, not even escaped."""


def junit(results: Sequence[Result], findings: Sequence[Diagnostic]) -> str:
    """Return the document; a file that cannot be read is a suite with an error."""
    root = Element("testsuites", tests=str(len(results)), failures=str(sum(not r.passed for r in results)))
    for file, tests in by_file(results).items():
        failed = sum(not r.passed for r in tests)
        suite = SubElement(root, "testsuite", name=str(file), tests=str(len(tests)), failures=str(failed))
        for result in tests:
            _case(suite, result)
    for finding in findings:
        suite = SubElement(root, "testsuite", name=finding.file, tests="1", errors="1")
        case = SubElement(suite, "testcase", name=finding.code, classname=finding.file)
        SubElement(case, "error", message=_clean(finding.message)).text = _clean(finding.text())
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _case(suite: Element, result: Result) -> None:
    line = str(result.file.document.mark(result.case.path).line)
    file = str(result.file.file)
    case = SubElement(suite, "testcase", name=_clean(result.case.name), classname=file, file=file, line=line)
    if not result.passed:
        first = result.failures[0].message
        SubElement(case, "failure", message=_clean(first)).text = _clean(failed_text(result))


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
