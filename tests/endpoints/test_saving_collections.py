"""Saving, deleting, restoring and importing collections, on each database."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from directory_sync.approval.people import Approver, Person
from directory_sync.approval.request import EventKind
from directory_sync.approval.states import RequestState
from directory_sync.collections import importing
from directory_sync.collections.changes import ChangeCode
from directory_sync.collections.documents import join
from directory_sync.collections.importing import (
    Choice,
    Clash,
    Do,
    ImportItem,
    ItemState,
    import_file,
    look_at,
)
from directory_sync.collections.saving import SavingRules, check, delete, restore, save
from directory_sync.definition.catalogue import FolderCatalogue
from directory_sync.definition.reach import MailReach
from directory_sync.errors import (
    CollectionChanged,
    CollectionInUse,
    CollectionNotFound,
    DefinitionError,
    EditRefused,
    NameTaken,
    RulesBroken,
)
from directory_sync.rights.connection_rules import ConnectionRules
from directory_sync.store.store import Store
from tests.scenarios.plans import collection, creations, plan
from tests.scenarios.ready_python import ReadyPython
from tests.scenarios.saved import ADA, EDITH, OWEN, RULES, VERA, text_of

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
)


def codes(changes: object) -> list[ChangeCode]:
    """What kinds of changes there are."""
    return [change.code for change in changes]  # type: ignore[attr-defined]


def test_mail_that_reaches_no_one_is_a_warning(store: Store) -> None:
    """It keeps no one from saving."""
    told = text_of(notifications={"when": "errors", "to": ["it@corp.example", {"roles": ["Operators"]}]})
    reach = MailReach(sends=True, finds_users=True, roles=frozenset())
    found = check(store, replace(RULES, reach=reach), ADA, told)
    assert [problem.key for problem in found.problems] == ["notifications.to[1].roles[0]"]
    saved = save(store, replace(RULES, reach=reach), ADA, "crew", told, expected=0)
    assert [problem.key for problem in saved.warnings] == ["notifications.to[1].roles[0]"]


# -- saving --------------------------------------------------------------------------------------------------


def test_a_collection_is_saved_edited_and_its_history_says_what_changed(store: Store) -> None:
    """Who, why, with which roles, and what protects less."""
    text = text_of(approval={"approvers": {"users": ["bob"]}})
    first = save(store, RULES, ADA, "crew", text, expected=0, comment="  new  ")
    assert (first.version.number, first.version.comment, first.version.roles) == (1, "new", ("Admin",))
    assert codes(first.changes) == [ChangeCode.CREATED]

    second = save(store, RULES, EDITH, "crew", text_of(title="Crew"), expected=1)
    assert second.version.roles == ("Editors",)
    assert [(each.code, each.weakens) for each in second.changes] == [
        (ChangeCode.POLICY_REMOVED, True),
        (ChangeCode.SETTING_CHANGED, False),
    ]
    assert [dict(each) for each in second.version.change] == [each.to_json() for each in second.changes]


def test_text_is_kept_and_a_comment_is_a_version(store: Store) -> None:
    """A mark of the byte order goes, the last line gets its end; layout stays."""
    text = text_of()
    saved = save(store, RULES, ADA, "crew", f"\ufeff# why\n{text.rstrip()}", expected=0)
    assert saved.version.text == f"# why\n{text}"
    again = save(store, RULES, ADA, "crew", f"# why\n{text}", expected=1)
    assert (again.is_new_version, again.changes, again.version) == (False, (), saved.version)
    commented = save(store, RULES, ADA, "crew", text, expected=1)
    assert codes(commented.changes) == [ChangeCode.TEXT_ONLY]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", ""),
        ("name: crew\njobs: []\n", "jobs"),
        (text_of() + "colour: red\n", "colour"),
        (text_of("other"), "name"),
        (text_of(title="x" * (2 * 1024 * 1024)), ""),
        (BOMB, ""),
        ("[" * 5_000, ""),
        (text_of() + "---\n" + text_of("two"), ""),
        (text_of(name="<script>"), "name"),
        (text_of(title="\x1b[2J").replace("\\e", "\x1b"), ""),
    ],
    ids=[
        *("empty", "no_jobs", "unknown_key", "other_name", "too_large"),
        *("bomb", "deep", "two", "html", "control"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_not_saved(store: Store, text: str, key: str) -> None:
    """Every problem has a place; the collection's name stands for a file's."""
    begun = time.monotonic()
    with pytest.raises(DefinitionError) as refused:
        save(store, RULES, ADA, "crew", text, expected=0)
    assert time.monotonic() - begun < 10
    errors = [problem for problem in refused.value.problems if problem.severity == "error"]
    assert key in {problem.key for problem in errors}
    assert {problem.file for problem in errors} == {"crew"}
    assert all(problem.line for problem in errors)
    assert store.collections.get("crew") is None


def test_rights_come_before_what_is_wrong(store: Store) -> None:
    """No one learns more of a definition than that they may not save it; an owner may edit their own."""
    save(store, RULES, ADA, "crew", text_of(owners=["owen"]), expected=0)
    for person in (VERA, replace(ADA, verified=False), Person("Owen", OWEN.roles, verified=True)):
        for call in (
            lambda person=person: save(store, RULES, person, "crew", "broken", expected=1),
            lambda person=person: save(store, RULES, person, "new", text_of("new"), expected=0),
            lambda person=person: check(store, RULES, person, text_of()),
            lambda person=person: delete(store, RULES, person, "crew", expected=1, running=["x"]),
            lambda person=person: restore(store, RULES, person, "crew", 1, expected=1),
        ):
            with pytest.raises(EditRefused):
                call()
    saved = save(store, RULES, OWEN, "crew", text_of(owners=["owen"], title="Mine"), expected=1)
    assert saved.version.saved_by == "owen"
    with pytest.raises(EditRefused):
        save(store, RULES, OWEN, "crew", text_of(owners=["owen", "vera"]), expected=2)
    with pytest.raises(EditRefused):
        save(store, RULES, OWEN, "other", text_of("other", owners=["owen"]), expected=0)
    delete(store, RULES, OWEN, "crew", expected=2, running=())
    with pytest.raises(EditRefused):
        restore(store, RULES, OWEN, "crew", 1, expected=0)


def test_only_administrators_choose_connections_where_there_are_no_rules(store: Store) -> None:
    """Others may edit what uses them already."""
    with pytest.raises(RulesBroken) as refused:
        save(store, RULES, EDITH, "crew", text_of(), expected=0)
    assert {problem.key for problem in refused.value.problems} == {
        "jobs[0].source.connection",
        "jobs[0].destination.connection",
    }
    assert all(problem.line for problem in refused.value.problems)
    save(store, RULES, ADA, "crew", text_of(), expected=0)
    save(store, RULES, EDITH, "crew", text_of(title="x"), expected=1)


def test_rules_of_connections_count_when_saving_and_when_restoring(store: Store) -> None:
    """Also what was right once."""
    save(store, RULES, ADA, "crew", text_of(), expected=0)
    save(store, RULES, ADA, "crew", text_of(title="x"), expected=1)
    rules = replace(
        RULES,
        connection_rules=ConnectionRules.model_validate(
            {"connections": {"corp": {}, "lab": {"destination": {"never_write": ["cn"]}}}}
        ),
    )
    with pytest.raises(RulesBroken) as refused:
        restore(store, rules, ADA, "crew", 1, expected=2)
    assert "jobs[0].fields.cn" in {problem.key for problem in refused.value.problems}
    assert store.collections.get("crew").number == 2  # type: ignore[union-attr]


def test_a_name_of_a_file_is_taken(store: Store, tmp_path: Path) -> None:
    """Broken or not; also one that Airflow knows otherwise. An editor who has it already goes on."""
    (tmp_path / "a.yaml").write_text(text_of("from_file"), encoding="utf-8")
    (tmp_path / "b.yaml").write_text("name: broken_file\njobs: 1\n", encoding="utf-8")
    rules = replace(
        RULES,
        files=FolderCatalogue(tmp_path),
        taken_by=lambda name: "the DAG of etl.py" if name == "etl" else "",
    )
    for name in ("from_file", "broken_file", "etl"):
        with pytest.raises(NameTaken) as refused:
            save(store, rules, ADA, name, text_of(name), expected=0)
        assert refused.value.name == name
    save(store, rules, ADA, "free", text_of("free"), expected=0)
    gone = replace(rules, files=FolderCatalogue(tmp_path / "gone"))
    save(store, gone, ADA, "also_free", text_of("also_free"), expected=0)


def test_two_editors_at_once_lose_nothing(store: Store) -> None:
    """One of them is told of the other; both texts are never mixed."""
    save(store, RULES, ADA, "crew", text_of(), expected=0)
    start = threading.Barrier(8)

    def edit(number: int) -> str:
        start.wait()
        try:
            save(store, RULES, ADA, "crew", text_of(title=f"editor {number}"), expected=1)
        except CollectionChanged as changed:
            return "told" if changed.number == 2 else "told otherwise"
        return f"editor {number}"

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(edit, range(8)))
    [winner] = [result for result in results if result != "told"]
    newest = store.collections.get("crew")
    assert newest is not None
    assert (newest.number, newest.text) == (2, text_of(title=winner))


def meanwhile(call: int, happens: Callable[[], object]) -> SavingRules:
    """Rules under which something happens when it is asked for the n-th time what the person may see: after
    the newest version was read, before anything is saved.
    """
    calls = iter(range(1, 100))

    def sees(_name: str) -> bool:
        if next(calls) == call:
            happens()
        return True

    return replace(RULES, sees=sees)


@pytest.mark.parametrize("again", [False, True], ids=["edited", "made_again"])
def test_rights_are_those_of_the_version_that_is_replaced(store: Store, again: bool) -> None:
    """An owner until a moment ago neither replaces nor deletes what is another person's now; also not by the
    number of a version that they could know, or after a deletion has let numbers begin again.
    """

    def taken_over() -> None:
        expected = store.collections.get("crew").number  # type: ignore[union-attr]
        if again:
            store.collections.delete("crew", expected=expected, by=ADA)
            expected = 0
        store.collections.save("crew", text_of(title="Taken over"), expected=expected, by=ADA)

    seen = 1 if again else 2
    save(store, RULES, ADA, "crew", text_of(owners=["owen"]), expected=0)
    with pytest.raises(EditRefused):
        mine = text_of(owners=["owen"], title="Mine")
        save(store, meanwhile(2, taken_over), OWEN, "crew", mine, expected=seen)
    newest = store.collections.get("crew")
    assert newest is not None
    assert newest.text == text_of(title="Taken over")
    owned = save(store, RULES, ADA, "crew", text_of(owners=["owen"]), expected=seen).version.number
    with pytest.raises(CollectionChanged):
        delete(store, meanwhile(1, taken_over), OWEN, "crew", expected=1 if again else owned + 1, running=())
    assert store.collections.get("crew") is not None


def test_connections_are_compared_with_the_version_that_is_replaced(store: Store) -> None:
    """Without rules, only what the newest version uses is not chosen again; changes are told against it."""
    text = text_of()
    other = text.replace("connection: corp\n", "connection: other\n")
    assert other != text
    save(store, RULES, ADA, "crew", text, expected=0)
    change = meanwhile(2, lambda: store.collections.save("crew", other, expected=1, by=ADA))
    with pytest.raises(RulesBroken):
        save(store, change, EDITH, "crew", f"# mine\n{text}", expected=2)
    change = meanwhile(2, lambda: store.collections.save("crew", text, expected=2, by=ADA))
    saved = save(store, change, ADA, "crew", f"# mine\n{text}", expected=3)
    assert codes(saved.changes) == [ChangeCode.TEXT_ONLY]
    assert saved.version.number == 4


def test_a_collection_that_this_version_cannot_read_can_be_replaced(store: Store) -> None:
    """What changed cannot be told, and that stands out."""
    store.collections.save("crew", "name: crew\nfuture_key: 1\n", expected=0, by=ADA)
    saved = save(store, RULES, ADA, "crew", text_of(), expected=1)
    assert [(each.code, each.weakens) for each in saved.changes] == [(ChangeCode.UNKNOWN, True)]


# -- checking ------------------------------------------------------------------------------------------------


def test_checking_says_what_saving_would_and_saves_nothing(store: Store) -> None:
    """Problems, broken rules, changes."""
    save(store, RULES, ADA, "crew", text_of(limits={"delete": 5}), expected=0)
    checked = check(store, RULES, EDITH, text_of(limits={"delete": "none"}))
    assert checked.usable
    assert checked.name == "crew"
    assert codes(checked.changes) == [ChangeCode.LIMIT_REMOVED]
    broken = check(store, RULES, ADA, text_of() + "colour: red\n")
    assert (broken.usable, broken.collection) == (False, None)
    assert broken.problems[0].key == "colour"
    assert store.collections.newest_revision() == 1


# -- deleting and restoring ----------------------------------------------------------------------------------


def request_of(store: Store) -> int:
    """A pending request of the collection."""
    run = store.runs.start(collection(), "r1", trigger="manual", requester="ida", verified=True, reason="")
    plan_id = store.plans.save(store.runs.start_job(run.id, "people").id, plan(creations(1)))
    saved = store.collections.get("crew")
    filed = store.filing.file(
        plan_id,
        policy={"approvers": {"users": ["bea"]}},
        approvers=[Approver("user", "bea")],
        newest=None if saved is None else saved.revision,
    )
    return filed.id


def test_an_undecided_request_does_not_outlive_its_policy(store: Store) -> None:
    """It becomes stale with the version that changes it, says why, and with no other."""
    policy = {"approvers": {"users": ["bea"]}}
    save(store, RULES, ADA, "crew", text_of(approval=policy), expected=0)
    number = request_of(store)
    save(store, RULES, ADA, "crew", text_of(approval=policy, title="x"), expected=1)
    with pytest.raises(CollectionChanged):
        save(store, RULES, ADA, "crew", text_of(), expected=1)
    assert store.requests.get(number).request.state == RequestState.PENDING
    save(store, RULES, ADA, "crew", text_of(), expected=2)
    view = store.requests.get(number)
    assert (view.request.state, view.events[-1].kind) == (RequestState.STALE, EventKind.STALE)
    assert "ada" in view.events[-1].text


def test_nothing_under_way_is_deleted(store: Store) -> None:
    """A run that goes on, or a request that waits, keeps the collection; both are named."""
    save(store, RULES, ADA, "crew", text_of(), expected=0)
    number = request_of(store)
    with pytest.raises(CollectionInUse) as refused:
        delete(store, RULES, ADA, "crew", expected=1, running=["manual__1"])
    assert (refused.value.runs, refused.value.requests) == (("manual__1",), (number,))
    store.decisions.cancel(number, "ida", reason="")
    with pytest.raises(CollectionInUse):
        delete(store, RULES, ADA, "crew", expected=1, running=["manual__1"])
    with pytest.raises(CollectionChanged):
        delete(store, RULES, ADA, "crew", expected=7, running=())
    gone = delete(store, RULES, ADA, "crew", expected=1, comment="moved", running=())
    assert (gone.deleted, gone.comment, gone.saved_by) == (True, "moved", "ada")
    assert store.requests.get(number).request.collection == "crew"  # history stays
    with pytest.raises(CollectionNotFound):
        delete(store, RULES, ADA, "crew", expected=2, running=())


def test_an_earlier_version_is_saved_again(store: Store) -> None:
    """As a version of its own, that says what it gives up; a deleted collection begins again."""
    save(store, RULES, ADA, "crew", text_of(), expected=0)
    save(store, RULES, ADA, "crew", text_of(limits={"update": 5}), expected=1)
    restored = restore(store, RULES, EDITH, "crew", 1, expected=2, comment="as before")
    assert restored.version.number == 3
    assert [(each.code, each.new) for each in restored.changes][:2] == [
        (ChangeCode.RESTORED, 1),
        (ChangeCode.LIMIT_REMOVED, None),
    ]
    with pytest.raises(CollectionNotFound):
        restore(store, RULES, ADA, "crew", 9, expected=3)
    delete(store, RULES, ADA, "crew", expected=3, running=())
    again = restore(store, RULES, ADA, "crew", 2, expected=0)
    assert (again.version.number, again.version.text) == (1, text_of(limits={"update": 5}))


# -- importing -----------------------------------------------------------------------------------------------


def states(items: list[ImportItem]) -> list[tuple[str | None, ItemState]]:
    """What became of each."""
    return [(item.name, item.state) for item in items]


def test_a_file_of_definitions_comes_back_as_equal_versions(store: Store) -> None:
    """Export, import into an empty store, export: the same to the character."""
    texts = {f"c{number}": f"# {number}\n---\n{text_of(f'c{number}')}" for number in range(3)}
    items = list(import_file(store, RULES, ADA, join(texts.values()), {}, comment="from git"))
    assert states(items) == [(name, ItemState.SAVED) for name in texts]
    assert {each.name: each.text for each in store.collections.newest()} == texts
    assert join(each.text for each in store.collections.newest()) == join(texts.values())
    assert states(list(import_file(store, RULES, ADA, join(texts.values()), {}))) == [
        (name, ItemState.UNCHANGED) for name in texts
    ]


def test_each_item_is_saved_whole_or_not_at_all(store: Store, tmp_path: Path) -> None:
    """A clash is asked about; a broken one says where in the file; none keeps another from being saved."""
    (tmp_path / "a.yaml").write_text(text_of("from_file"), encoding="utf-8")
    rules = replace(RULES, files=FolderCatalogue(tmp_path))
    save(store, rules, ADA, "old", text_of("old"), expected=0)
    file = join(
        [
            text_of("new"),
            text_of("old", title="x"),
            text_of("from_file"),
            "name: broken\njobs: []\n",
            text_of("new", title="again"),
        ]
    )
    looked = list(look_at(store, rules, ADA, file))
    assert [(item.name, item.state, item.clash) for item in looked] == [
        ("new", ItemState.READY, None),
        ("old", ItemState.CLASH, Clash.SAVED),
        ("from_file", ItemState.CLASH, Clash.TAKEN),
        ("broken", ItemState.REFUSED, None),
        ("new", ItemState.CLASH, Clash.TWICE),
    ]
    assert looked[0].connections == ("corp", "lab")
    assert looked[1].version == 1
    [problem] = looked[3].problems
    assert file.splitlines()[problem.line - 1] == "jobs: []"
    assert [each.name for each in store.collections.newest()] == ["old"]

    choices = {"old": Choice(Do.REPLACE, expected=1), "from_file": Choice(Do.RENAME, to="copied")}
    done = list(import_file(store, rules, ADA, file, choices))
    assert states(done) == [
        ("new", ItemState.SAVED),
        ("old", ItemState.SAVED),
        ("from_file", ItemState.SAVED),
        ("broken", ItemState.REFUSED),
        ("new", ItemState.CLASH),
    ]
    assert {each.name: each.number for each in store.collections.newest()} == {
        "copied": 1,
        "new": 1,
        "old": 2,
    }
    assert store.collections.get("copied").text == text_of("copied")  # type: ignore[union-attr]


def test_what_was_edited_meanwhile_is_not_replaced(store: Store) -> None:
    """The choice was made about another version."""
    save(store, RULES, ADA, "crew", text_of(), expected=0)
    save(store, RULES, ADA, "crew", text_of(title="newer"), expected=1)
    choices = {"crew": Choice(Do.REPLACE, expected=1)}
    [item] = import_file(store, RULES, ADA, text_of(title="imported"), choices)
    assert item.state is ItemState.REFUSED
    assert isinstance(item.error, CollectionChanged)


def test_skipping_renaming_and_rights_in_an_import(store: Store) -> None:
    """A name that cannot be is refused; who may not create gets nothing saved."""
    save(store, RULES, ADA, "crew", text_of(), expected=0)
    file = text_of(title="x")
    for choice, state in (
        (Choice(Do.SKIP), ItemState.SKIPPED),
        (Choice(Do.RENAME, to="No Name"), ItemState.REFUSED),
        (Choice(Do.RENAME, to=""), ItemState.REFUSED),
        (Choice(Do.RENAME, to="crew"), ItemState.REFUSED),
    ):
        assert states(list(import_file(store, RULES, ADA, file, {"crew": choice}))) == [("crew", state)]
    [refused] = import_file(store, RULES, VERA, text_of("other"), {})
    assert isinstance(refused.error, EditRefused)
    assert [each.number for each in store.collections.newest()] == [1]


def test_a_file_without_definitions_or_with_too_many(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is refused as a whole."""
    monkeypatch.setattr(importing, "MOST_ITEMS", 2)
    for text in ("", "# nothing\n---\n", join([text_of(f"c{number}") for number in range(3)])):
        with pytest.raises(DefinitionError):
            list(import_file(store, RULES, ADA, text, {}))
    assert store.collections.newest() == []


# -- killed --------------------------------------------------------------------------------------------------

_SAVE = """
import sys
from directory_sync.collections.saving import save
from directory_sync.store.store import Store
from tests.scenarios.saved import ADA, RULES, text_of
store = Store.open(sys.argv[1])
for number in range(1, 10_000):
    save(store, RULES, ADA, "crew", text_of(title=f"{number}", description="x" * 100_000), expected=number)
    print(number, flush=True)
"""


def test_a_process_killed_while_saving_leaves_whole_versions(store: Store, store_url: str) -> None:
    """Each version is there or not, with its number and revision; the next save goes on."""
    save(store, RULES, ADA, "crew", text_of(), expected=0)
    for delay in (0.0, 0.02, 0.07):
        newest = store.collections.get("crew")
        assert newest is not None
        code = _SAVE.replace("range(1,", f"range({newest.number},")
        with ReadyPython(["-c", code, store_url], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == f"{newest.number}\n"
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            said = [str(newest.number), *process.stdout.read().split()]
        versions = store.collections.versions("crew")
        assert [each.number for each in versions] == list(range(len(versions), 0, -1))
        assert len(versions) - newest.number >= len(said)
        after = store.collections.get("crew")
        assert after is not None
        assert after.text == text_of(title=f"{after.number - 1}", description="x" * 100_000)
        assert store.collections.newest_revision() == after.revision == after.number
    save(store, RULES, ADA, "crew", text_of(title="end"), expected=len(store.collections.versions("crew")))
