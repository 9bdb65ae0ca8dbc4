"""A store that the version before has written (revision 0005): its plans are searched after the upgrade.

`stores/revision-0005.sql` was written by that version: a plan with a pending request, of a job whose field
`pin` is secret, and a second plan.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from directory_sync.errors import PlanAltered
from directory_sync.store.migrate import upgrade
from directory_sync.store.request_model import RequestFilter
from directory_sync.store.store import Store
from tests.scenarios.tampering import alter_search

DUMP = Path(__file__).parents[1] / "scenarios" / "data" / "stores" / "revision-0005.sql"


@pytest.fixture
def upgraded(tmp_path: Path) -> Iterator[Store]:
    """That store, upgraded."""
    with Store.open(_upgraded(tmp_path / "store.db")) as store:
        yield store


def _upgraded(file: Path, *, after: str = "") -> str:
    connection = sqlite3.connect(file)
    connection.executescript(DUMP.read_text("utf-8") + after)
    connection.close()
    file.chmod(0o600)
    upgrade(f"sqlite:///{file}")
    return f"sqlite:///{file}"


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("FRY", [0]),
        ("philip STRAẞE", [0]),
        ("éva", [1]),
        ("uid=wong", [1]),
        ("rodriguez", [2]),
        ("ou=people", [0, 1, 2]),
        ("userPassword", [0]),
        ("4711", []),
        ("hunter2", []),
        ("0123456789abcdef", []),
    ],
)
def test_what_people_see_is_found(upgraded: Store, search: str, found: list[int]) -> None:
    """Names, ids, fields and values, letters in any case; no secret and nothing that is not shown."""
    page = upgraded.plan_pages.page(1, search=search)
    assert ([each.sequence for each in page.changes], page.total) == (found, len(found))


@pytest.mark.parametrize(("object", "count"), [("uid=fry", 1), ("STRAẞE", 1), ("wong", 1), ("rodriguez", 0)])
def test_requests_are_found_by_their_objects(upgraded: Store, object: str, count: int) -> None:
    """By ids before and after and by names, not by values."""
    assert upgraded.requests.count(RequestFilter(object=object)) == count


def test_the_plans_are_still_those_that_were_saved(upgraded: Store) -> None:
    """Digests and seals hold, and from now on what is searched is checked too."""
    assert [len(upgraded.plans.load(number).plan.changes) for number in (1, 2)] == [3, 3]
    alter_search(upgraded, 2, "nothing")
    assert upgraded.plans.load(1)
    with pytest.raises(PlanAltered, match="found by"):
        upgraded.plans.load(2)


def test_one_plan_that_was_altered_does_not_stop_the_upgrade(tmp_path: Path) -> None:
    """It is refused when it is opened, as before; the others are searched."""
    alter = "UPDATE directory_sync_change SET payload = '{\"nonsense\": 1}' WHERE plan_id = 2;"
    with Store.open(_upgraded(tmp_path / "store.db", after=alter)) as store:
        assert store.plan_pages.page(1, search="wong").total == 1
        with pytest.raises(PlanAltered):
            store.plans.load(2)
