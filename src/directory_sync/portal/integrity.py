"""Whether the plan that people are shown is the one that was filed: at once for most, in the background for
large ones.

What was found stays in this process only: the store, where someone could alter it, is not asked to remember
it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from directory_sync.approval.request import Request
from directory_sync.errors import DirectorySyncError, PlanMismatch
from directory_sync.portal.codes import Integrity
from directory_sync.store.store import Store

AT_ONCE = 5_000
"""Changes of a plan that are read while a page is made; more are read in the background."""
KEPT_SECONDS = 600.0
"""So long what was found of a large plan counts; then it is read again."""
BRIEFLY = 30.0
"""The same for what is asked again and again by a page that follows a request."""
KEPT = 500
"""Plans of which it is known."""
BACKGROUND = 2
"""Plans that are read in the background at the same time; others wait."""

CHECKING_TEXT = "This plan is large and is being checked: whether it is still the one that was filed."
TRY_AGAIN = "It can be approved when that is done: try again in a moment."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of a stored plan; `message` says it to people, empty if all is well."""

    state: Integrity
    message: str = ""

    @property
    def altered(self) -> bool:
        """Whether it is not what was filed."""
        return self.state is Integrity.ALTERED

    @property
    def checking(self) -> bool:
        """Whether no one knows yet."""
        return self.state is Integrity.CHECKING


_INTACT = Checked(Integrity.INTACT)
_CHECKING = Checked(Integrity.CHECKING, CHECKING_TEXT)
_Key = tuple[int, str, str]


@dataclass(slots=True)
class _Known:
    """What was found of one store's plans and when, and which are being read."""

    found: dict[_Key, tuple[float, Checked]] = field(default_factory=dict)
    waiting: set[_Key] = field(default_factory=set)


class PlanChecks:
    """Reads plans in full and remembers for a while what was found. For all threads of a process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._stores: WeakKeyDictionary[Store, _Known] = WeakKeyDictionary()
        self._places = threading.Semaphore(BACKGROUND)

    def look(
        self,
        store: Store,
        plan_id: int,
        *,
        digest: str,
        statistics: Mapping[str, int],
        changes: int,
        at_once: int = AT_ONCE,
        kept: float = 0.0,
    ) -> Checked:
        """What is known of a plan; a large one is begun to be read in the background, and is `checking` until
        then.

        Args:
            store: holds the plan.
            plan_id, digest, statistics: as `Plans.verify` takes them.
            changes: how many it is said to have.
            at_once: so many are read now.
            kept: seconds for which an earlier finding is good enough, where it could be read now.

        Raises StoreError where it is read now and the store does not answer.
        """
        key = (plan_id, digest, repr(sorted(statistics.items())))
        large = changes > at_once
        with self._lock:
            known = self._stores.setdefault(store, _Known())
            at, checked = known.found.get(key, (0.0, _CHECKING))
            if not checked.checking and self._clock() - at < (KEPT_SECONDS if large else kept):
                return checked
            if large and key in known.waiting:
                return _CHECKING
            if large:
                known.waiting.add(key)
        if not large:
            return self._keep(known, key, _verify(store, plan_id, digest, statistics))
        reading = threading.Thread(
            target=self._read,
            args=(known, key, store, digest, statistics),
            name=f"check of plan {plan_id}",
            daemon=True,  # a store that does not answer must not keep the API server from ending
        )
        reading.start()
        return _CHECKING

    def _read(
        self, known: _Known, key: _Key, store: Store, digest: str, statistics: Mapping[str, int]
    ) -> None:
        plan_id = key[0]
        try:
            with self._places:
                self._keep(known, key, _verify(store, plan_id, digest, statistics))
        except DirectorySyncError as error:
            log.warning(
                "Plan %d could not be checked now; it is tried again when it is shown. %s", plan_id, error
            )
        except Exception:
            log.exception(
                "Plan %d could not be checked because of an unexpected error. Report this.", plan_id
            )
        finally:
            with self._lock:
                known.waiting.discard(key)

    def _keep(self, known: _Known, key: _Key, checked: Checked) -> Checked:
        with self._lock:
            known.found.pop(key, None)
            known.found[key] = (self._clock(), checked)
            while len(known.found) > KEPT:
                del known.found[next(iter(known.found))]
        return checked


def _verify(store: Store, plan_id: int, digest: str, statistics: Mapping[str, int]) -> Checked:
    try:
        store.plans.verify(plan_id, digest=digest, statistics=statistics)
    except PlanMismatch as error:
        log.error("%s", error)  # noqa: TRY400 - where it was raised says nothing
        return Checked(Integrity.ALTERED, str(error))
    return _INTACT


def look_at_request(store: Store, request: Request) -> Checked:
    """Whether a request is what was filed. Nothing is remembered: it is one row."""
    try:
        store.requests.verify(request)
    except PlanMismatch as error:
        log.error("%s", error)  # noqa: TRY400 - where it was raised says nothing
        return Checked(Integrity.ALTERED, str(error))
    return _INTACT


def worst(each: Iterable[Checked]) -> Checked:
    """What is known of several plans together: altered if one is, intact if all are."""
    found = list(each)
    return next(
        (one for state in (Integrity.ALTERED, Integrity.CHECKING) for one in found if one.state is state),
        _INTACT,
    )


_checks = PlanChecks()
look = _checks.look
