"""`directory-sync doctor`: shows what checks of the deployment have found, and what to do about it."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from directory_sync.cli.connections import EnvironmentConnections
from directory_sync.cli.exit_status import ExitStatus, UsageError
from directory_sync.cli.terminal import data_output
from directory_sync.doctor.checks import CHECKS, Check
from directory_sync.doctor.examination import Examination
from directory_sync.doctor.findings import Finding, State
from directory_sync.doctor.groups import Group
from directory_sync.doctor.process import examine
from directory_sync.doctor.telling import tell
from directory_sync.present.terminal import Colour, coloured, has_colour, is_terminal
from directory_sync.printable import printable_json

_LOOKS = {
    State.OK: ("✓", Colour.GOOD),
    State.WARNING: ("!", Colour.WARNING),
    State.PROBLEM: ("✗", Colour.DANGER),
    State.SKIPPED: ("-", Colour.FAINT),
}
"""Symbol and colour in a terminal; elsewhere the state's own name stands there."""
_PLURALS = {State.PROBLEM: "problem", State.WARNING: "warning"}

Results = Sequence[tuple[Check, Sequence[Finding]]]


def main(arguments: Namespace) -> ExitStatus:
    """Make the checks and show what they find; `FAILED` if there is a problem."""
    groups = set(arguments.only or ())
    if arguments.connection:
        groups |= {Group.CONNECTIONS}
    if arguments.send_mail and groups:
        groups |= {Group.MAIL}
    if arguments.send_mail is not None and "@" not in arguments.send_mail:
        raise UsageError(f"--send-mail: {arguments.send_mail!r} is not a mail address.")
    examination = Examination(
        EnvironmentConnections(), named=arguments.connection or (), send_to=arguments.send_mail or ""
    )
    checks = [check for check in CHECKS if not groups or check.group in groups]
    results = examine(checks, examination)
    if arguments.format == "json":
        print(printable_json(_as_json(results), indent=2), file=data_output())
    else:
        sys.stdout.writelines(f"{line}\n" for line in _table(results, sys.stdout))
    found = _count(results)
    return ExitStatus.FAILED if found[State.PROBLEM] else ExitStatus.OK


def _count(results: Results) -> Counter[State]:
    return Counter(finding.state for _, findings in results for finding in findings)


def _as_json(results: Results) -> dict[str, Any]:
    found = _count(results)
    return {
        "findings": [
            {"group": check.group, "check": check.name, **_finding(finding)}
            for check, findings in results
            for finding in findings
        ],
        "summary": {state: found[state] for state in State},
    }


def _finding(finding: Finding) -> dict[str, Any]:
    told = tell(finding)
    return {
        "code": finding.code,
        "state": finding.state,
        "text": told.text,
        "details": told.details,
        "do": told.do,
        "lines": told.lines,
        "facts": dict(finding.facts),
    }


def _table(results: Results, stream: TextIO) -> Iterator[str]:
    colour = has_colour(stream)
    symbols = is_terminal(stream) and (stream.encoding or "").lower().startswith("utf")
    width = 1 if symbols else max(map(len, State))
    group = None
    for check, findings in results:
        if findings and check.group is not group:
            group = check.group
            yield coloured(group, Colour.BOLD, use=colour)
        for finding in findings:
            symbol, paint = _LOOKS[finding.state]
            mark = coloured((symbol if symbols else finding.state).ljust(width), paint, use=colour)
            yield from _lines(finding, mark, " " * (width + 4))
    found = _count(results)
    said = [f"{found[state]} {word}{'' if found[state] == 1 else 's'}" for state, word in _PLURALS.items()]
    yield f"{', '.join(said)}, {found[State.OK]} ok, {found[State.SKIPPED]} skipped"


def _lines(finding: Finding, mark: str, margin: str) -> Iterator[str]:
    told = tell(finding)
    yield f"  {mark}  {told.text}"
    yield from (f"{margin}{line}" for line in told.details)
    if told.do:
        yield f"{margin}{told.do}"
    yield from (f"{margin}    {line}" for line in told.lines)
