"""What people may do stays the same in the wizard: no button, file or form gets past rights and approval."""

from __future__ import annotations

from pathlib import Path

import pytest

from directory_sync.approval.people import Person
from tests.portal.pages_client import Looker
from tests.portal.test_pages_drafts import begin, draft_of, send
from tests.scenarios.portal_pages import ADA
from tests.scenarios.saved import text_of as definition

pytestmark = pytest.mark.usefixtures("airflow_database")

NAMESAKES = tuple(
    Person(name, ADA.roles, verified=True) for name in ("Ada", "ADA", "àda", "ada ", "\uff41da")
)
"""People whom Airflow takes for others, though some directories do not."""


@pytest.fixture
def ada(empty_looker: Looker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looker:
    """An administrator, and no collection."""
    folder = tmp_path / "collections"
    folder.mkdir()
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTIONS_FOLDER", str(folder))
    empty_looker.become(ADA)
    return empty_looker


@pytest.mark.parametrize("person", NAMESAKES, ids=lambda person: ascii(person.name))
def test_a_draft_is_not_shared_with_people_of_nearly_the_same_name(ada: Looker, person: Person) -> None:
    """They neither see, change, finish nor discard it, and begin drafts of their own."""
    address = begin(ada)
    send(ada, address, "yaml", definition=definition("crew"), do="save")
    before = draft_of(ada, address)
    ada.become(person)
    assert address not in ada.get("/collections")
    ada.get(f"{address}/yaml", status=404)
    for step, do in (("yaml", "save"), ("review", "finish"), ("discard", "")):
        ada.post(f"{address}/{step}", {"number": str(before[0]), "definition": "", "do": do}, status=404)
    ada.become(ADA)
    assert draft_of(ada, address) == before
    assert ada.store.collections.get("crew") is None
