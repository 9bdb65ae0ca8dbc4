"""Leases: the right to work on a part of a destination, which no one else has at the same time and which ends
with its holder.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Select, delete, insert, select, text, update

from directory_sync.errors import DirectorySyncError, LeaseError, LeaseLost, StoreError
from directory_sync.store.database import Database
from directory_sync.store.tables import CollectionRunRow, LeaseRow

RENEWALS = 3
"""A lease is renewed this often within its duration."""
MARGIN = 0.1
"""The part of its duration that a holder does not use, so that what it has sent is answered before another
may begin.
"""

_LOCK = 0x6469_7273_796E_6C00  # any number will do, as long as no one else locks it
_RETRY_AFTER = 1.0

log = logging.getLogger(__name__)


def overlap(one: str, other: str) -> bool:
    r"""Whether two areas are equal or one lies within the other.

    Areas are normalised DNs, in which a comma only ever separates two RDNs (those in values are written
    `\2c`), or file paths, which overlap only if they are equal. The empty DN holds everything.
    """
    return one == other or not one or not other or one.endswith(f",{other}") or other.endswith(f",{one}")


def _elapsed() -> float:
    """Seconds by a clock that goes on while the process is stopped and while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Lease:
    """A lease that is held. Renews itself in a thread of its own until it is released, or lost.

    Attributes:
        resource: the server or file.
        areas: the parts of it.
        holder: who holds it, in words for people.
        token: names it in the store: who works under it is alive as long as it is there and has not expired.
    """

    def __init__(
        self,
        database: Database,
        *,
        token: str,
        resource: str,
        areas: tuple[str, ...],
        holder: str,
        duration: timedelta,
        started: _Reading,
    ) -> None:
        self.resource = resource
        self.areas = areas
        self.holder = holder
        self._database = database
        self.token = token
        self._duration = duration.total_seconds()
        self._renewed = started
        self._pid = os.getpid()
        self._lost: str | None = None
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._renew_regularly, name=f"lease {resource}", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Return if the lease is certainly held at this moment, else raise LeaseLost.

        Cheap: asks two clocks, not the store.
        """
        if self._lost is None and self._overdue():
            self._lost = (
                f"it could not be renewed within {self._duration:g} s (was the process stopped, or the store"
                " away?)"
            )
        if self._lost is not None:
            raise LeaseLost(
                f"The lease of {self.holder} on {self._place()} is lost: {self._lost}. Nothing more is"
                " written. Run the job again: it goes on where it stopped."
            )
        if self._released.is_set():
            raise LeaseLost(
                f"The lease of {self.holder} on {self._place()} has been given back. Nothing more is written."
            )

    def release(self) -> None:
        """Give it back. May be called twice; if the store does not answer, the lease expires by itself."""
        # A forked child that unwinds must not give away its parent's lease.
        if self._released.is_set() or self._pid != os.getpid():
            return
        self._released.set()
        self._thread.join()
        try:
            with _locked(self._database) as (connection, _now):
                connection.execute(delete(LeaseRow).where(LeaseRow.token == self.token))
        except StoreError as error:
            log.warning(
                "The lease on %s could not be given back; it expires in %g s. error=%s",
                self._place(),
                self._duration,
                error,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def _overdue(self) -> bool:
        return any(clock() - then > self._duration * (1 - MARGIN) for clock, then in self._renewed)

    def _place(self) -> str:
        return f"{self.resource} ({'; '.join(self.areas)})"

    def _renew_regularly(self) -> None:
        pause = self._duration / RENEWALS
        while not self._released.wait(pause) and self._lost is None:
            try:
                self._renew()
                pause = self._duration / RENEWALS
            except StoreError as error:
                pause = min(_RETRY_AFTER, self._duration / RENEWALS / 2)
                log.warning("The lease on %s could not be renewed yet. error=%s", self._place(), error)

    def _renew(self) -> None:
        # Read before the store is asked: the lease is counted from here, so it ends here before it ends
        # there.
        started = _read_clocks(self._database)
        with _locked(self._database) as (connection, now):
            renewed = connection.execute(
                update(LeaseRow)
                .where(LeaseRow.token == self.token, LeaseRow.expires > now)
                .values(expires=now + timedelta(seconds=self._duration))
            ).rowcount
        if renewed < len(self.areas):
            self._lost = "it expired, and another run may have it"
        else:
            self._renewed = started


_Reading = tuple[tuple[Callable[[], float], float], ...]
"""Clocks, each with what it showed."""


def _read_clocks(database: Database) -> _Reading:
    # On SQLite leases expire by this machine's wall clock, so if that is set forward the lease has ended for
    # the others too.
    clocks: tuple[Callable[[], float], ...] = (_elapsed, time.time) if database.is_sqlite else (_elapsed,)
    return tuple((clock, clock()) for clock in clocks)


@contextmanager
def _locked(database: Database) -> Iterator[tuple[Connection, datetime]]:
    """A transaction in which no one else looks at leases, and the time by the database's clock.

    SQLite has one writer anyway.
    """
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        yield connection, database.now(connection)


def live_tokens(now: datetime) -> Select[str]:
    """The tokens of all leases whose holders are alive by the database's clock."""
    return select(LeaseRow.token).where(LeaseRow.expires > now)


class Leases:
    """Taking leases."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hold_run(self, run: int, *, holder: str, duration: timedelta) -> Lease:
        """Be seen to be alive as long as the run that a `Snapshot` names goes on; `holder` and `duration` as
        for other leases.
        """
        lease = self.acquire(f"run {run}", ("",), holder=holder, duration=duration)
        with self._database.write() as connection:
            connection.execute(
                update(CollectionRunRow).where(CollectionRunRow.id == run).values(lease=lease.token)
            )
        return lease

    def acquire(self, resource: str, areas: tuple[str, ...], *, holder: str, duration: timedelta) -> Lease:
        """Take the right to work on these areas of a resource, or raise LeaseError that names who has it.

        Args:
            resource: identity of the server or file.
            areas: normalised DNs of containers, or the file's path; see `overlap`.
            holder: who asks, in words for people (collection, run, job, host).
            duration: after which it ends if the holder is gone. It is renewed three times within.
        """
        if not areas:
            raise ValueError("a lease needs at least one area")
        areas = tuple(dict.fromkeys(areas))
        token = uuid.uuid4().hex
        started = _read_clocks(self._database)
        with _locked(self._database) as (connection, now):
            connection.execute(delete(LeaseRow).where(LeaseRow.expires <= now))
            for row in connection.execute(
                select(LeaseRow.__table__).where(LeaseRow.resource == resource).order_by(LeaseRow.id)
            ):
                if any(overlap(row.area, area) for area in areas):
                    raise LeaseError(
                        f"{row.holder} works on {row.area} of {resource} since"
                        f" {row.acquired:%Y-%m-%d %H:%M:%S} UTC. "
                        "Try again when it has finished; if it is gone, its lease ends at"
                        f" {row.expires:%H:%M:%S} UTC."
                    )
            connection.execute(
                insert(LeaseRow),
                [
                    {
                        "token": token,
                        "resource": resource,
                        "area": area,
                        "holder": holder,
                        "acquired": now,
                        "expires": now + duration,
                    }
                    for area in areas
                ],
            )
        try:
            return Lease(
                self._database,
                token=token,
                resource=resource,
                areas=areas,
                holder=holder,
                duration=duration,
                started=started,
            )
        except RuntimeError as error:
            # No one renews it, so no one may have it.
            with _locked(self._database) as (connection, _now):
                connection.execute(delete(LeaseRow).where(LeaseRow.token == token))
            raise DirectorySyncError(
                f"The lease on {resource} cannot be kept: {error}. Nothing was begun. Allow this process more"
                " memory or threads, and run the job again."
            ) from error
