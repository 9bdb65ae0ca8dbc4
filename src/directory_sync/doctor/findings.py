"""What a check finds: a code, a state, and facts. `telling` says it to people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from directory_sync.doctor.codes import Code

Fact = str | int | float | bool | Sequence[str]


class State(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check has found.

    Attributes:
        code: what it is.
        state: how serious it is.
        facts: values for the words; text, numbers, or several texts. They hold no secret.
    """

    code: Code
    state: State
    facts: Mapping[str, Fact] = field(default_factory=dict)


class CannotTell(Exception):
    """A check cannot be made here; becomes a finding that says why.

    Attributes:
        finding: by default skipped.
    """

    def __init__(self, code: Code, state: State = State.SKIPPED, /, **facts: Fact) -> None:
        self.finding = Finding(code, state, facts)
        super().__init__(code)


def ok(code: Code, /, **facts: Fact) -> Finding:
    """All is well."""
    return Finding(code, State.OK, facts)


def warning(code: Code, /, **facts: Fact) -> Finding:
    """It works, but something should be changed."""
    return Finding(code, State.WARNING, facts)


def problem(code: Code, /, **facts: Fact) -> Finding:
    """Something does not work."""
    return Finding(code, State.PROBLEM, facts)


def skipped(code: Code, /, **facts: Fact) -> Finding:
    """It was not checked."""
    return Finding(code, State.SKIPPED, facts)
