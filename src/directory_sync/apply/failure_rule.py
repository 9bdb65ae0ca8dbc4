"""When failures are too many to go on."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FailureRule:
    """Stop when, of the last `window` changes that were tried, more than `share` failed, and at least
    `minimum` of them.

    Conflicts do not count: they say that someone else was faster, not that the destination refuses us.
    """

    minimum: int = 20
    share: float = 0.5
    window: int = 100


class FailureCount:
    """Counts the latest failures against a rule.

    Attributes:
        failed: how many of the latest changes failed.
        exceeded: the rule said to stop, once; what is answered afterwards changes nothing about it.
    """

    def __init__(self, rule: FailureRule) -> None:
        self.failed = 0
        self.exceeded = False
        self._rule = rule
        self._latest: deque[bool] = deque(maxlen=rule.window)

    @property
    def tried(self) -> int:
        """How many of the latest changes are looked at."""
        return len(self._latest)

    def add(self, *, failed: bool) -> None:
        """Count the next change."""
        if self.exceeded:
            return
        if len(self._latest) == self._rule.window and self._latest[0]:
            self.failed -= 1
        self._latest.append(failed)
        self.failed += failed
        self.exceeded = self.failed >= self._rule.minimum and self.failed > self._rule.share * self.tried
