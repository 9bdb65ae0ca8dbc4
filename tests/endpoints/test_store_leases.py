from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from directory_sync.errors import LeaseError, LeaseLost
from directory_sync.store.leases import Lease, overlap
from directory_sync.store.migrate import upgrade
from directory_sync.store.store import Store
from directory_sync.store.tables import LeaseRow
from tests.scenarios.forked_child import ForkedChild
from tests.scenarios.forked_python import ForkedPython
from tests.scenarios.new_store import new_store
from tests.scenarios.postgres import Postgres
from tests.scenarios.ready_python import ReadyPython

SERVER = "ldap://127.0.0.1:389"
LONG = timedelta(minutes=5)

HOLD = """
import sys, time
from datetime import timedelta
from directory_sync.errors import LeaseLost
from directory_sync.store.store import Store
with Store.open(sys.argv[1]) as store:
    duration = timedelta(seconds=float(sys.argv[2]))
    lease = store.leases.acquire("ldap://127.0.0.1:389", ("dc=x",), holder="the other", duration=duration)
    print("held", flush=True)
    for line in sys.stdin:
        try:
            lease.check()
            print("ok", flush=True)
        except LeaseLost as error:
            print(error, flush=True)
"""


class Holder:
    """Another process that holds a lease on everything of the server, and checks it when asked."""

    def __init__(self, url: str, seconds: float) -> None:
        self.process = ReadyPython(
            ["-c", HOLD, url, str(seconds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._answer() == "held"

    def check(self) -> str:
        """What `Lease.check` says there."""
        assert self.process.stdin is not None
        self.process.stdin.write("check\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@contextmanager
def holder(url: str, seconds: float) -> Iterator[Holder]:
    """Start such a process, and end it."""
    other = Holder(url, seconds)
    try:
        yield other
    finally:
        other.process.kill()
        other.process.communicate()


def take(
    store: Store, *areas: str, resource: str = SERVER, holder: str = "me", duration: timedelta = LONG
) -> Lease:
    """Take a lease."""
    return store.leases.acquire(resource, areas, holder=holder, duration=duration)


def rows(store: Store) -> int:
    """How many leases the store knows."""
    with store._database.read() as connection:
        return connection.execute(select(func.count()).select_from(LeaseRow)).scalar_one()


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("dc=x", "dc=x", True),
        ("ou=people,dc=x", "dc=x", True),
        ("ou=people,dc=x", "ou=groups,dc=x", False),
        ("ou=a,ou=people,dc=x", "ou=people,dc=x", True),
        ("ou=people,dc=x", "ople,dc=x", False),
        ("ou=peo\\2cdc=x", "dc=x", False),
        ("ou=people,dc=xx", "dc=x", False),
        ("", "dc=x", True),
        ("/data/a.csv", "/data/a.csv", True),
        ("/data/a.csv", "/data/b.csv", False),
        ("/data", "/data/b.csv", False),
    ],
)
def test_areas_overlap_if_one_lies_within_the_other(one: str, other: str, expected: bool) -> None:
    """Equal or ancestor, at the boundary of an RDN, in both directions; files only when equal."""
    assert overlap(one, other) is expected
    assert overlap(other, one) is expected


def test_a_second_holder_is_told_about_the_first(store: Store) -> None:
    """Whoever comes second learns who works where and since when, and leaves nothing behind."""
    with take(store, "ou=groups,dc=x", "ou=people,dc=x", holder="collection crew, run 7 on host a") as first:
        first.check()
        with pytest.raises(
            LeaseError, match=r"crew, run 7 on host a works on ou=people,dc=x of ldap://127.* since 20\d\d-"
        ) as caught:
            take(store, "ou=other,dc=x", "ou=a,ou=people,dc=x")
        assert not isinstance(caught.value, LeaseLost)
        assert caught.value.transient
        assert rows(store) == 2


def test_what_does_not_overlap_is_free(store: Store) -> None:
    """Other areas of the server, and the same areas of another server, can be taken at the same time."""
    with (
        take(store, "ou=people,dc=x"),
        take(store, "ou=groups,dc=x"),
        take(store, "ou=people,dc=x", resource="ldap://other"),
    ):
        assert rows(store) == 3
    assert rows(store) == 0


def test_a_released_lease_is_free_at_once(store: Store) -> None:
    """After release somebody else gets it; releasing again takes nothing from them; checking is an error."""
    first = take(store, "dc=x")
    first.release()
    with take(store, "dc=x") as second:
        first.release()
        second.check()
        assert rows(store) == 1
    with pytest.raises(LeaseLost, match="given back"):
        first.check()


def test_an_area_named_twice_is_one(store: Store) -> None:
    """A job that names a container twice is not in its own way."""
    with take(store, "dc=x", "dc=x") as lease:
        assert lease.areas == ("dc=x",)


def test_a_lease_needs_an_area(store: Store) -> None:
    """A lease on nothing would protect nothing."""
    with pytest.raises(ValueError, match="at least one area"):
        take(store)


def test_a_lease_is_renewed_while_it_is_held(store: Store) -> None:
    """It outlives its duration several times over as long as its holder lives."""
    with take(store, "dc=x", duration=timedelta(seconds=2.5)) as lease:
        ends = time.monotonic() + 6
        while time.monotonic() < ends:
            lease.check()
            with pytest.raises(LeaseError):
                take(store, "dc=x")
            time.sleep(0.2)


def test_a_lease_that_somebody_removed_is_lost(store: Store) -> None:
    """A holder whose row has gone finds out at the next renewal, and stays without the lease."""
    with take(store, "ou=a,dc=x", "ou=b,dc=x", duration=timedelta(seconds=1.5)) as lease:
        with store._database.write() as connection:
            connection.execute(delete(LeaseRow).where(LeaseRow.area == "ou=a,dc=x"))
        with pytest.raises(LeaseLost, match=r"me on ldap://.* is lost: it expired"):
            _check_for(lease, 5)
        with pytest.raises(LeaseLost):
            lease.check()


def test_an_expired_lease_is_not_renewed(store: Store) -> None:
    """By the database's clock it has ended: that counts, even if nobody else has taken it."""
    with take(store, "dc=x", duration=timedelta(seconds=1.5)) as lease:
        with store._database.write() as connection:
            connection.execute(
                update(LeaseRow).values(expires=store._database.now(connection) - timedelta(seconds=1))
            )
        with take(store, "dc=x", holder="you") as other:
            with pytest.raises(LeaseLost):
                _check_for(lease, 5)
            other.check()


def test_a_store_that_is_away_for_too_long_costs_the_lease() -> None:
    """While renewals fail the lease goes on, until it may have expired; releasing it then is no error."""
    with Postgres() as cluster:
        url = cluster.create_database()
        upgrade(url)
        with Store.open(url) as store, take(store, "dc=x", duration=timedelta(seconds=2)) as lease:
            cluster.stop()
            lease.check()
            with pytest.raises(LeaseLost, match="could not be renewed within 2 s"):
                _check_for(lease, 5)


def test_a_wall_clock_set_forward_costs_the_lease_on_sqlite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite others judge by this machine's clock: when it jumps, they may take the lease, so we have lost
    it.
    """
    url = new_store(tmp_path / "store.db")
    now = time.time
    jump = 0.0
    monkeypatch.setattr(time, "time", lambda: now() + jump)
    with Store.open(url) as store, take(store, "dc=x", duration=timedelta(minutes=1)) as lease:
        lease.check()
        jump = 120.0
        with pytest.raises(LeaseLost):
            lease.check()


def test_a_holder_that_was_stopped_may_not_go_on(store_url: str) -> None:
    """A process that was suspended past its lease finds out before it writes, while another has the lease."""
    with holder(store_url, 2) as other, Store.open(store_url) as store:
        assert other.check() == "ok"
        other.process.send_signal(signal.SIGSTOP)
        with pytest.raises(LeaseError, match="the other works on dc=x"):
            take(store, "ou=a,dc=x")
        with _take_within(store, 60) as lease:
            other.process.send_signal(signal.SIGCONT)
            assert "is lost" in other.check()
            lease.check()
            assert rows(store) == 1


def test_a_holder_that_was_stopped_for_a_moment_goes_on(store_url: str) -> None:
    """Being suspended for less than the lease lasts is no harm."""
    with holder(store_url, 6) as other:
        other.process.send_signal(signal.SIGSTOP)
        time.sleep(1)
        other.process.send_signal(signal.SIGCONT)
        assert other.check() == "ok"


def test_the_lease_of_a_killed_holder_ends(store_url: str) -> None:
    """Nobody waits for ever for a process that was killed."""
    with holder(store_url, 2) as other, Store.open(store_url) as store:
        other.process.kill()
        other.process.wait()
        with pytest.raises(LeaseError, match=r"if it is gone, its lease ends at \d\d:"):
            take(store, "dc=x")
        _take_within(store, 10).release()


def test_a_forked_child_does_not_give_the_lease_away(store: Store) -> None:
    """A child that unwinds its parent's `with` leaves the lease where it is."""
    with take(store, "dc=x") as lease:
        assert ForkedChild(lambda _tell: lease.release()).end() == 0
        assert rows(store) == 1
        lease.check()


def test_of_many_at_once_only_one_holds_it(store_url: str, tmp_path: Path) -> None:
    """Processes that fight for overlapping areas never hold them at the same time, and each gets its turn."""
    script = """
import sys, time
from datetime import timedelta
from pathlib import Path
from directory_sync.errors import LeaseError
from directory_sync.store.store import Store
url, marker, area = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
turns = 0
with Store.open(url) as store:
    while turns < 5:
        try:
            lease = store.leases.acquire("server", (area,), holder=area, duration=timedelta(seconds=60))
        except LeaseError:
            time.sleep(0.005)
            continue
        with lease:
            marker.touch(exist_ok=False)  # fails if another process is in here too
            time.sleep(0.005)
            marker.unlink()
            turns += 1
print(turns)
"""
    areas = ["dc=x", "ou=a,dc=x", "dc=x", "ou=b,ou=a,dc=x"]
    # Each overlaps all others, because the deeper ones lie within the same branch.
    running = [
        ForkedPython(
            ["-c", script, store_url, str(tmp_path / "marker"), area],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for area in areas
    ]
    for process in running:
        output, errors = process.communicate(timeout=120)
        assert output == "5\n", errors


def _check_for(lease: Lease, seconds: float) -> None:
    """Check again and again, until it raises or the time is over."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        lease.check()
        time.sleep(0.05)


def _take_within(store: Store, seconds: float) -> Lease:
    ends = time.monotonic() + seconds
    while True:
        try:
            return take(store, "dc=x", holder="the next")
        except LeaseError:
            assert time.monotonic() < ends, "the lease has not ended in time"
            time.sleep(0.1)
