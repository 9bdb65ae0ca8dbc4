"""Which run of Airflow joins a stored run: the same one, and never another that was given its id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic import command

from directory_sync.errors import RunIdUsed
from directory_sync.store import migrate
from directory_sync.store.database import Database
from directory_sync.store.run_identity import RunIdentity
from directory_sync.store.runs import TERMINAL, Snapshot
from directory_sync.store.store import Store
from tests.scenarios.plans import collection

AT = datetime(2026, 11, 30, 8, 15, 0, 123456, tzinfo=UTC)
RUN = {
    "trigger": "manual",
    "requester": "ida",
    "triggering_user": "ida",
    "logical_date": AT - timedelta(days=1),
    "run_after": AT,
}


def start(store: Store, run_id: str = "manual__1", **given: Any) -> Snapshot:
    return store.runs.start(collection(), run_id, verified=True, **(RUN | given))


def join(store: Store, run_id: str = "manual__1", **given: Any) -> Snapshot | None:
    return store.runs.join("crew", RunIdentity(run_id, **(RUN | given)))


def test_the_same_run_is_joined(store: Store) -> None:
    """Every task of a run gets what its first one stored, whichever of the two ways it asks."""
    assert join(store) is None
    first = start(store)
    assert start(store) == first
    assert join(store) == first
    without = start(store, "manual__2", logical_date=None)
    assert join(store, "manual__2", logical_date=None) == without


@pytest.mark.parametrize(
    "other",
    [
        {"trigger": "scheduled"},
        {"trigger": TERMINAL},
        {"requester": "bob", "triggering_user": "bob"},
        {"requester": "unknown", "triggering_user": None},
        {"logical_date": None},
        {"logical_date": AT},
        {"run_after": AT + timedelta(microseconds=1)},
        {"run_after": None},
    ],
    ids=str,
)
def test_another_run_with_its_id_is_refused(store: Store, other: dict[str, Any]) -> None:
    """Deleted in Airflow and triggered again under the same id, by whoever and however: it neither joins nor
    changes the run.
    """
    first = start(store)
    for attempt in (start, join):
        with pytest.raises(RunIdUsed, match="This run id was used before") as caught:
            attempt(store, **other)
        assert "ida" in str(caught.value)
        assert "Start a new run" in str(caught.value)
        assert not caught.value.transient
    assert start(store) == first


def test_a_terminals_run_is_joined_by_no_one(store: Store) -> None:
    """Neither by a run of Airflow that was given its id, nor by another terminal."""
    terminal = {
        "trigger": TERMINAL,
        "requester": "ida",
        "triggering_user": None,
        "logical_date": None,
        "run_after": None,
    }
    start(store, "terminal__1", **terminal)
    for other in ({}, terminal, {**terminal, "trigger": "manual"}):
        with pytest.raises(RunIdUsed):
            start(store, "terminal__1", **other)
        with pytest.raises(RunIdUsed):
            join(store, "terminal__1", **other)


def before_the_upgrade(url: str) -> None:
    """Let the store look as the version before left it, and upgrade it."""
    database = Database(url)
    command.downgrade(migrate.alembic_config(database), "0004")
    database.close()
    migrate.upgrade(url)


def test_a_run_that_began_before_the_upgrade_goes_on(store_url: str) -> None:
    """Its tasks join it, and from the first one on no other run can; another person, or another trigger,
    never could.
    """
    with Store.open(store_url) as store:
        first = start(store)
    before_the_upgrade(store_url)
    with Store.open(store_url) as store:
        for other in (
            {"requester": "bob", "triggering_user": "bob"},
            {"trigger": "scheduled"},
            {"trigger": TERMINAL},
        ):
            with pytest.raises(RunIdUsed):
                start(store, **other)
        assert join(store) == first
        assert start(store) == first
        with pytest.raises(RunIdUsed):
            start(store, run_after=AT + timedelta(hours=1))
        assert start(store) == first
