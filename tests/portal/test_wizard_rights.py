"""What people may do stays the same in the wizard: no button, file or form gets past rights and approval."""

from __future__ import annotations

from pathlib import Path

import pytest

from directory_sync.approval.people import Person
from directory_sync.forms.rewriting import data_of
from tests.portal.pages_client import Looker
from tests.portal.test_pages_drafts import begin, draft_of, send
from tests.scenarios.portal_pages import ADA
from tests.scenarios.saved import EDITH, OWEN
from tests.scenarios.saved import text_of as definition

pytestmark = pytest.mark.usefixtures("airflow_database")

NAMESAKES = (
    *(Person(name, ADA.roles, verified=True) for name in ("Ada", "ADA", "àda", "ada ", "\uff41da")),
    Person("ada", ADA.roles, verified=False),
)
"""People whom Airflow takes for others, though some directories do not; and one whom no one has checked."""


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


def test_a_draft_of_what_was_deleted_replaces_nothing_that_was_made_since(ada: Looker) -> None:
    """Numbers of versions begin again: the draft's says nothing of another collection of the same name."""
    collections = ada.store.collections
    collections.save("crew", definition("crew"), expected=0, by=ADA)
    address = ada.post("/collections/crew/drafts").removeprefix("/dirsync").removesuffix("/details")
    send(ada, address, "yaml", definition=definition("crew", title="Old"), do="save")
    collections.delete("crew", expected=1, by=ADA)
    collections.save("crew", definition("crew", title="New"), expected=0, by=ADA)
    send(ada, address, "review", do="finish", status=409)
    saved = collections.get("crew")
    assert saved is not None
    assert "title: New" in saved.text
    send(ada, address, "review", do="over", over="1")
    saved = collections.get("crew")
    assert saved is not None
    assert (saved.number, "title: Old" in saved.text) == (2, True)


def test_a_draft_of_what_was_deleted_can_be_finished(ada: Looker) -> None:
    """What was typed is not lost: it becomes a collection again."""
    collections = ada.store.collections
    collections.save("crew", definition("crew"), expected=0, by=ADA)
    address = ada.post("/collections/crew/drafts").removeprefix("/dirsync").removesuffix("/details")
    send(ada, address, "yaml", definition=definition("crew", title="Old"), do="save")
    collections.delete("crew", expected=1, by=ADA)
    send(ada, address, "review", do="finish")
    saved = collections.get("crew")
    assert saved is not None
    assert "title: Old" in saved.text


def test_the_limits_of_a_template_are_taken_over(
    ada: Looker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new collection has the limits of the template, not those that a blank one begins with; what a person
    has typed stays.
    """
    folder = tmp_path / "templates" / "collections"
    folder.mkdir(parents=True)
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__TEMPLATES_FOLDER", str(folder.parent))
    limits = "limits: {delete: 0, update: 4, create: 7}\njobs: [{name: a}]\n"
    (folder / "careful.yaml").write_text(f"# Careful\n{limits}", encoding="utf-8")
    location = ada.post("/drafts", {"kind": "collection", "template": "careful"})
    address = location.removeprefix("/dirsync").removesuffix("/details")
    begun = data_of(draft_of(ada, address)[1])["limits"]
    assert begun == {"delete": "0", "update": "4", "create": "7"}
    address = begin(ada)
    send(ada, address, "yaml", definition="limits: {delete: 3}\njobs: []\n", do="save")
    send(ada, address, "details", do="template:careful")
    assert data_of(draft_of(ada, address)[1])["limits"] == {"delete": "3", "update": "4", "create": "7"}


def test_a_copied_job_keeps_to_what_the_draft_limits_and_has_approved(ada: Looker) -> None:
    """Whatever else is wrong with the draft."""
    mild = {"approval": {"approvers": {"users": ["ida"]}}, "limits": {"delete": "50%", "update": 1}}
    ada.store.collections.save("crew", definition("crew", **mild), expected=0, by=ADA)
    address = begin(ada)
    policy = "approval: {approvers: {users: [ida]}, require: all}"
    strict = f"timezone: Mars\n{policy}\nlimits: {{delete: 1, update: 50%}}\njobs: []\n"
    send(ada, address, "yaml", definition=strict, do="save")
    send(ada, address, "jobs", copy="crew/people", do="copy")
    [job] = data_of(draft_of(ada, address)[1])["jobs"]
    assert job["limits"] == {"delete": ["50%", "1"], "update": ["50%", "1"]}
    assert "approval" not in job


STRICT = {"approval": {"approvers": {"users": ["bea"]}}, "limits": {"delete": 1}}


def edit(looker: Looker, text: str) -> str:
    """A draft of the saved collection crew, with another text."""
    address = looker.post("/collections/crew/drafts").removeprefix("/dirsync").removesuffix("/details")
    send(looker, address, "yaml", definition=text, do="save")
    return address


def weakened(looker: Looker) -> list[str]:
    """What the newest version of crew notes as protecting less."""
    saved = looker.store.collections.get("crew")
    assert saved is not None
    return [each["code"] for each in saved.change if each.get("weakens")]


def test_a_draft_begun_before_the_policy_was_tightened_loosens_nothing_unseen(ada: Looker) -> None:
    """Finish is a conflict; who goes over it makes a version that says what it loosens."""
    collections = ada.store.collections
    collections.save("crew", definition("crew"), expected=0, by=ADA)
    address = edit(ada, definition("crew", title="Late"))
    collections.save("crew", definition("crew", **STRICT), expected=1, by=ADA)
    page = send(ada, address, "review", do="finish", status=409)
    assert "approvers" in page
    for over in ("1", "3", "-2", "0", "\u0662"):
        send(ada, address, "review", do="over", over=over, status=409)
    send(ada, address, "review", do="over", over="2")
    assert set(weakened(ada)) == {"policy_removed", "limit_changed"}


def test_two_drafts_of_one_collection_do_not_undo_each_other(ada: Looker) -> None:
    """Whichever is finished second is a conflict, also of two people."""
    ada.store.collections.save("crew", definition("crew", **STRICT), expected=0, by=ADA)
    first = edit(ada, definition("crew", title="First", **STRICT))
    ada.become(Person("zed", ADA.roles, verified=True))
    second = edit(ada, definition("crew"))
    ada.become(ADA)
    send(ada, first, "review", do="finish")
    ada.become(Person("zed", ADA.roles, verified=True))
    send(ada, second, "review", do="finish", status=409)
    assert weakened(ada) == []


def test_a_right_that_is_gone_finishes_no_draft(ada: Looker) -> None:
    """Owners who are taken away, roles that are lost, a collection that Airflow hides."""
    collections = ada.store.collections
    collections.save("crew", definition("crew", owners=["owen"]), expected=0, by=ADA)
    ada.become(OWEN)
    address = edit(ada, definition("crew", owners=["owen"], title="Mine"))
    collections.save("crew", definition("crew"), expected=1, by=ADA)
    for do, over in (("finish", ""), ("over", "2")):
        send(ada, address, "review", do=do, over=over, status=422)
    ada.become(ADA)
    mine = edit(ada, definition("crew", title="Role"))
    for person, rights in (
        (Person("ada", frozenset({"Viewer"}), verified=True), {}),
        (ADA, {"hidden": frozenset({"crew"})}),
    ):
        ada.become(person, **rights)
        send(ada, mine, "review", do="finish", status=422)
        assert "title: Role" in draft_of(ada, mine)[1]
    newest = collections.get("crew")
    assert newest is not None
    assert newest.number == 2


def test_no_copy_brings_a_connection_that_a_person_may_not_choose(
    ada: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a copied job, a template or YAML: it is a draft, and never saved."""
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTION_ROLES", "Admin,Editors")
    ada.store.collections.save("crew", definition("crew"), expected=0, by=ADA)
    ada.become(EDITH)
    address = begin(ada)
    send(ada, address, "yaml", definition="name: mine\njobs: []\n", do="save")
    send(ada, address, "jobs", copy="crew/people", do="copy")
    page = send(ada, address, "review", do="finish", status=422)
    assert f'href="/dirsync{address}/jobs/1/endpoints?checked=yes#problems"' in page
    assert ada.store.collections.get("mine") is None


def test_who_may_save_no_draft_any_more_is_told_no_names(ada: Looker) -> None:
    """Of users and roles, which fields offer to those who write definitions."""
    known = {"known": (("secretary",), ("Secret Role",))}
    address = begin(ada)
    send(ada, address, "yaml", definition=definition("crew", approval=STRICT["approval"]), do="save")
    for person, told in ((ADA, True), (Person("ada", frozenset({"Viewer"}), verified=True), False)):
        ada.become(person, **known)
        pages = [ada.get(f"{address}/{step}") for step in ("details", "schedule", "jobs/1/approval")]
        assert any("secretary" in page for page in pages) is told
        assert any("Secret Role" in page for page in pages) is told
