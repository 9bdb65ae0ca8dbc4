"""One look at the store for all gates that wait in a process, however many: a query per interval, not per
gate.

The look tells what is, not what has changed, so that nothing is lost when a process, the store or the network
goes away.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Protocol

from directory_sync.mail import MAX_AGE

log = logging.getLogger(__name__)

LONGEST_PAUSE = 15.0
"""Seconds between two looks at a store that does not answer, at most."""
MAIL_PAUSE = 45.0
"""Seconds before a gate is told again that mail is due: whatever keeps it from being sent must not keep tasks
busy.
"""


class Requests(Protocol):
    """What is asked of a store's requests."""

    def decided_among(self, request_ids: list[int], /) -> Mapping[int, str]:
        """Those that no longer wait, with their state."""


class Outbox(Protocol):
    """What is asked of a store's outbox."""

    def mail_due_among(self, request_ids: list[int], /, *, max_age: timedelta) -> Collection[int]:
        """Those about which mail is due that no one is sending."""


class PolledStore(Protocol):
    """The parts of a store that are asked."""

    @property
    def requests(self) -> Requests:
        """Its requests."""

    @property
    def outbox(self) -> Outbox:
        """The mail that is due about them."""

    def close(self) -> None:
        """Give the connections back."""


MAIL = "mail"
"""Stands for a state where a request waits on, but mail about it is due: its gate sends that, and waits
again.
"""


class GatePoller:
    """Looks for everyone who waits in one event loop, from the first one who comes until the last one has
    gone.

    Args:
        open_store: called in a thread before the first look, and again after a failure.
        interval: seconds between two looks; asked each time.
        mails: whether mail is sent at all; asked each time.
    """

    def __init__(
        self,
        open_store: Callable[[], PolledStore],
        interval: Callable[[], float],
        mails: Callable[[], bool] = lambda: False,
    ) -> None:
        self._open_store = open_store
        self._interval = interval
        self._mails = mails
        self._told_of_mail: dict[int, float] = {}
        self._waiting: dict[int, set[asyncio.Future[str]]] = {}
        self._store: PolledStore | None = None
        self._looking: asyncio.Task[None] | None = None

    async def decision(self, request_id: int) -> str:
        """Wait until a request is no longer pending; its state, or `gone`. May be cancelled at any time.

        Also until mail about it is due that no one sends, which is `MAIL`: a sender was killed, or someone
        asked others.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()
        self._waiting.setdefault(request_id, set()).add(answer)
        if self._looking is None:
            # In a context of its own: what it logs is not to be in the log of the one task that happened to
            # come first.
            self._looking = loop.create_task(self._look(), name="gate poller", context=contextvars.Context())
        try:
            return await answer
        finally:
            self._forget(request_id, answer)

    def _forget(self, request_id: int, answer: asyncio.Future[str]) -> None:
        waiting = self._waiting.get(request_id, set())
        waiting.discard(answer)
        if not waiting:
            self._waiting.pop(request_id, None)

    async def _look(self) -> None:
        pause, failures = 0.0, 0
        try:
            while self._waiting:
                try:
                    decided, interval = await asyncio.to_thread(self._ask, sorted(self._waiting))
                except Exception as error:  # noqa: BLE001 whatever is wrong with the store, no one may wait in vain
                    pause = min(max(pause * 2, 1.0), LONGEST_PAUSE)
                    failures += 1
                    log.warning(
                        "The store does not say what was decided; nothing is lost, trying again in %d s."
                        " waiting=%d tries=%d %s",
                        pause,
                        len(self._waiting),
                        failures,
                        f"{type(error).__name__}: {error}",
                    )
                else:
                    if failures:
                        log.info("The store answers again. waiting=%d", len(self._waiting))
                    pause, failures = interval, 0
                    self._tell(decided)
                if self._waiting:
                    await asyncio.sleep(pause)
        finally:
            # Before anything is awaited: a later caller starts another one.
            self._looking, store, self._store = None, self._store, None
            if store is not None:
                await asyncio.to_thread(store.close)

    def _ask(self, request_ids: list[int]) -> tuple[Mapping[int, str], float]:
        """One query, and one more where mail is sent.

        In a thread, because the store's driver and the settings may block.
        """
        interval = self._interval()
        if self._store is None:
            self._store = self._open_store()
        decided = self._store.requests.decided_among(request_ids)
        if not self._mails():
            return decided, interval
        due = self._store.outbox.mail_due_among(request_ids, max_age=MAX_AGE)
        now = time.monotonic()
        self._told_of_mail = {each: at for each, at in self._told_of_mail.items() if now - at < MAIL_PAUSE}
        told = [each for each in due if each not in self._told_of_mail and each not in decided]
        self._told_of_mail |= dict.fromkeys(told, now)
        return {**dict.fromkeys(told, MAIL), **decided}, interval

    def _tell(self, decided: Mapping[int, str]) -> None:
        for request_id, state in decided.items():
            for answer in self._waiting.pop(request_id, set()):
                if not answer.done():
                    answer.set_result(state)


_pollers: dict[asyncio.AbstractEventLoop, GatePoller] = {}


async def decision(request_id: int) -> str:
    """Wait until a request of this deployment's store is no longer pending; its state, `gone`, or `MAIL`."""
    loop = asyncio.get_running_loop()
    for other in [each for each in _pollers if each.is_closed()]:
        del _pollers[other]
    poller = _pollers.get(loop)
    if poller is None:
        poller = _pollers[loop] = GatePoller(_open_store, _interval, _mails)
    return await poller.decision(request_id)


def _open_store() -> PolledStore:
    from directory_sync import settings
    from directory_sync.store.store import Store

    return Store.open(settings.database_url())


def _mails() -> bool:
    from directory_sync import settings

    return bool(settings.mail_connection())


def _interval() -> float:
    from directory_sync import settings

    return settings.gate_poll_interval()
