"""What the store keeps of saved collections, and whose a name is."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, make_url, select

from directory_sync.approval.people import Person
from directory_sync.cli.main import main
from directory_sync.definition.loading import Broken, Loaded, judge
from directory_sync.errors import (
    CollectionChanged,
    CollectionError,
    CollectionNotFound,
    NameTaken,
    OriginDiffers,
    StoreError,
)
from directory_sync.plan.past import NOTHING, Findings, Identities
from directory_sync.store.collection_names import SAVED, Origin
from directory_sync.store.collection_versions import SavedVersion
from directory_sync.store.known_objects import JobPlace, Learnt
from directory_sync.store.store import Store
from directory_sync.store.tables import CollectionVersionRow
from tests.scenarios.at_once import at_once
from tests.scenarios.clock import Clock
from tests.scenarios.examples import examples
from tests.scenarios.new_store import new_store
from tests.scenarios.postgres import Postgres

IDA = Person("ida", frozenset({"Admin", "Op"}), verified=True)
OLGA = Person("olga", frozenset(), verified=False)
PLACE = JobPlace("crew", "people", "ldap://one", "ship")


def save(store: Store, name: str = "crew", text: str = "name: crew\n", expected: int = 0) -> SavedVersion:
    """Save as Ida."""
    return store.collections.save(name, text, expected=expected, by=IDA)


def test_a_version_is_kept_as_it_was_saved(store: Store, clock: Clock) -> None:
    """Text, person, roles, comment and changes come back exactly, whatever characters they hold."""
    text = "name: crew\r\n# 'Ünï' \\ ''' \U0001f680 <b>\n"
    change = [{"code": "limit_raised", "job": "people", "old": "5%", "new": "50%"}]
    first = store.collections.save("crew", text, expected=0, by=IDA, comment="<b>why</b>", change=change)
    assert first == SavedVersion(
        collection_id=first.collection_id,
        name="crew",
        number=1,
        revision=1,
        text=text,
        saved=clock.at,
        saved_by="ida",
        verified=True,
        roles=("Admin", "Op"),
        comment="<b>why</b>",
        change=tuple(change),
        deleted=False,
    )
    clock.advance(hours=1)
    second = store.collections.save("crew", "name: crew", expected=1, by=OLGA)
    assert (second.number, second.revision, second.saved_by, second.verified) == (2, 2, "olga", False)
    assert second.collection_id == first.collection_id
    assert store.collections.get("crew") == second
    assert store.collections.version("crew", 1) == first
    assert [each.number for each in store.collections.versions("crew")] == [2, 1]
    assert not hasattr(store.collections.versions("crew")[0], "text")
    assert store.collections.version("crew", 3) is None
    assert store.collections.version("other", 1) is None
    assert store.collections.versions("other") == []
    assert store.collections.get("other") is None


def test_an_equal_text_is_no_version(store: Store) -> None:
    """Saving what is there already changes nothing, also where another version was expected."""
    first = save(store)
    assert save(store, expected=1) == first
    assert save(store, expected=0) == first
    assert store.collections.newest_revision() == 1


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_a_save_over_another_version_is_refused(store: Store, expected: int) -> None:
    """The person learns who saved which version when, and nothing is stored."""
    save(store)
    other = store.collections.save("crew", "name: crew\ntitle: T\n", expected=1, by=OLGA)
    with pytest.raises(CollectionChanged, match=r"olga has saved .*version 2") as caught:
        save(store, text="mine", expected=expected)
    assert (caught.value.by, caught.value.at, caught.value.number) == ("olga", other.saved, 2)
    assert not caught.value.deleted
    with pytest.raises(CollectionChanged):
        store.collections.delete("crew", expected=expected, by=IDA)
    assert store.collections.newest() == [other]
    assert store.collections.newest_revision() == 2


def test_a_deleted_collection_frees_its_name(store: Store) -> None:
    """The deletion is a version, its versions stay, and what comes next under the name is another one."""
    first = save(store)
    gone = store.collections.delete("crew", expected=1, by=OLGA, comment="no longer needed")
    assert (gone.number, gone.revision, gone.deleted, gone.saved_by) == (2, 2, True, "olga")
    assert (gone.comment, gone.text) == ("no longer needed", first.text)
    assert store.collections.get("crew") is None
    assert store.collections.newest() == []
    assert [each.number for each in store.collections.versions("crew")] == [2, 1]
    assert store.collections.origin("crew") is None
    with pytest.raises(CollectionChanged, match="olga has deleted") as caught:
        save(store, text="edited", expected=1)
    assert caught.value.deleted
    again = save(store)
    assert (again.number, again.revision) == (1, 3)
    assert again.collection_id != first.collection_id
    assert [each.number for each in store.collections.versions("crew")] == [1]


def test_what_was_never_there_is_not_found(store: Store) -> None:
    """A version of nothing cannot be expected, nor can nothing be deleted."""
    with pytest.raises(CollectionNotFound, match="no collection crew"):
        save(store, expected=1)
    for expected in (0, 1):
        with pytest.raises(CollectionNotFound) as caught:
            store.collections.delete("crew", expected=expected, by=IDA)
        assert caught.value.name == "crew"
    assert store.collections.newest_revision() == 0


@pytest.mark.parametrize(
    ("name", "text", "comment", "person"),
    [
        ("crew", "name: crew\0", "", "ida"),
        ("crew", "name: \ud800", "", "ida"),
        ("cr\0ew", "name: crew", "", "ida"),
        ("Crew", "name: crew", "", "ida"),
        ("crew\n", "name: crew", "", "ida"),
        ("../crew", "name: crew", "", "ida"),
        ("x" * 101, "name: crew", "", "ida"),
        ("crew", "name: crew", "x" * 10_001, "ida"),
        ("crew", "name: crew", "", "i\0da"),
    ],
)
def test_what_cannot_be_stored_as_it_is_is_refused(
    store: Store, name: str, text: str, comment: str, person: str
) -> None:
    """Nothing is altered silently, and nothing is stored."""
    by = Person(person, frozenset(), verified=True)
    with pytest.raises(CollectionError, match=r"cannot be stored|at most 10,000|no name"):
        store.collections.save(name, text, expected=0, by=by, comment=comment)
    assert store.collections.newest() == []
    assert store.collections.newest_revision() == 0


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["save", "delete"]), st.sampled_from("abc"), st.text("xyz\n'\\", max_size=3)),
    max_size=12,
)


@given(actions=ACTIONS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))
def test_what_existed_at_a_revision_stays_so(store: Store, actions: list[tuple[str, str, str]]) -> None:
    """After any saves and deletions, `at` gives for every revision what was newest then, also later."""
    begin = store.collections.newest_revision()
    now: dict[str, SavedVersion] = {each.name: each for each in store.collections.newest()}
    then = {begin: dict(now)}
    for action, name, text in actions:
        number = now[name].number if name in now else 0
        if action == "save":
            now[name] = store.collections.save(name, text, expected=number, by=IDA)
        elif number:
            store.collections.delete(name, expected=number, by=OLGA)
            del now[name]
        then[store.collections.newest_revision()] = dict(now)
    for revision, existed in then.items():
        assert {each.name: each for each in store.collections.at(revision)} == existed
    assert {each.name: each for each in store.collections.newest()} == now
    assert [each.name for each in store.collections.newest()] == sorted(now)
    assert sorted(then) == list(range(begin, store.collections.newest_revision() + 1))


def test_of_two_savers_at_the_same_moment_one_wins(store: Store) -> None:
    """One version is stored each time, and the other person learns of it."""
    for number in range(10):
        ida, olga = at_once(
            lambda number=number: save(store, text=f"ida {number}", expected=number),  # type: ignore[misc]
            lambda number=number: store.collections.save(  # type: ignore[misc]
                "crew", f"olga {number}", expected=number, by=OLGA
            ),
        )
        won, lost = (ida, olga) if isinstance(ida, SavedVersion) else (olga, ida)
        assert isinstance(won, SavedVersion)
        assert isinstance(lost, CollectionChanged)
        assert (lost.by, lost.number) == (won.saved_by, number + 1)
        assert store.collections.get("crew") == won


def test_a_name_goes_to_a_file_or_a_saver(store: Store) -> None:
    """A first run of a file and a first save at the same moment: one gets the name, the other is told."""
    for number in range(10):
        name = f"crew_{number}"
        ran, saved = at_once(
            lambda name=name: store.collections.claim_origin(name, Origin("crew.yaml")),  # type: ignore[misc]
            lambda name=name: save(store, name),  # type: ignore[misc]
        )
        if isinstance(saved, SavedVersion):
            assert isinstance(ran, OriginDiffers)
            assert store.collections.origin(name) == SAVED
        else:
            assert isinstance(saved, NameTaken)
            assert ran is None
            assert store.collections.origin(name) == Origin("crew.yaml")


def test_revisions_are_seen_in_their_order(store: Store) -> None:
    """With many savers at once, a reader that has seen a revision never sees what existed then change, and no
    revision is missing.
    """
    stop = threading.Event()
    seen: list[tuple[int, dict[str, int]]] = []

    def read() -> None:
        while not stop.is_set():
            revision = store.collections.newest_revision()
            seen.append((revision, {each.name: each.number for each in store.collections.at(revision)}))

    def write(seed: int) -> None:
        choose = random.Random(seed)
        for number in range(15):
            name = f"c{choose.randrange(4)}"
            newest = store.collections.get(name)
            expected = newest.number if newest else 0
            try:
                if newest and choose.random() < 0.2:
                    store.collections.delete(name, expected=expected, by=IDA)
                else:
                    save(store, name, text=f"{seed} {number}", expected=expected)
            except CollectionChanged:
                continue

    with ThreadPoolExecutor(6) as pool:
        reading = [pool.submit(read) for _ in range(2)]
        for writing in [pool.submit(write, seed) for seed in range(4)]:
            writing.result()
        stop.set()
        for each in reading:
            each.result()
    last = store.collections.newest_revision()
    assert last > 20
    assert len({revision for revision, _ in seen}) > 3
    for revision, existed in seen:
        assert {each.name: each.number for each in store.collections.at(revision)} == existed
    with store._database.read() as connection:
        stored = connection.scalars(select(CollectionVersionRow.revision)).all()
    assert sorted(stored) == list(range(1, last + 1))


# -- whose a name is -----------------------------------------------------------------------------------------


def test_the_first_run_says_where_a_name_belongs(store: Store) -> None:
    """A file's first run takes the name; its next runs are fine; anything else is refused and names both."""
    store.collections.claim_origin("crew", Origin("crew.yaml"))
    store.collections.claim_origin("crew", Origin("crew.yaml"))
    for other in (Origin("other.yaml"), SAVED):
        with pytest.raises(OriginDiffers, match=r"the file crew\.yaml.*release-name crew") as caught:
            store.collections.claim_origin("crew", other)
        assert (caught.value.noted, caught.value.found) == ("file:crew.yaml", other.text)
    with pytest.raises(NameTaken, match=r"belongs to the file crew\.yaml") as taken:
        save(store)
    assert taken.value.origin == "file:crew.yaml"
    assert store.collections.get("crew") is None


def test_a_file_cannot_take_a_saved_name(store: Store) -> None:
    """A saved collection's name is its own from the first save on, until it is deleted."""
    save(store)
    store.collections.claim_origin("crew", SAVED)
    with pytest.raises(OriginDiffers, match="comes from the collection saved in the store"):
        store.collections.claim_origin("crew", Origin("crew.yaml"))
    store.collections.delete("crew", expected=1, by=IDA)
    store.collections.claim_origin("crew", Origin("crew.yaml"))
    assert store.collections.origin("crew") == Origin("crew.yaml")


def test_a_name_can_be_let_go(store: Store) -> None:
    """After that the next that runs or is saved gets it, with what its jobs know; a saved one keeps it."""
    findings = Findings(matched=Identities(b"x" * 16), absent=NOTHING, held=NOTHING, held_names=NOTHING)
    store.collections.claim_origin("crew", Origin("crew.yaml"))
    store.known.learn(PLACE, Learnt(findings))
    assert store.collections.release_name("crew") == Origin("crew.yaml")
    assert store.collections.release_name("crew") is None
    assert store.collections.release_name("other") is None
    save(store)
    assert store.known.past(PLACE, window=timedelta()).known.members == {b"x" * 16}
    with pytest.raises(CollectionError, match="Delete it there"):
        store.collections.release_name("crew")


def test_the_command_lets_a_name_go(
    store: Store, store_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says where the name belonged, also if nothing had to be done; a saved collection keeps it."""
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATABASE_URL", store_url)
    store.collections.claim_origin("crew", Origin("crew.yaml"))
    assert main(["db", "release-name", "crew"]) == 0
    assert "belonged to the file crew.yaml" in capsys.readouterr().out
    assert main(["db", "release-name", "crew"]) == 0
    assert "nothing was changed" in capsys.readouterr().out
    save(store)
    assert main(["db", "release-name", "crew"]) == 1
    assert "Delete it there instead" in capsys.readouterr().err
    assert store.collections.origin("crew") == SAVED


def test_a_terminal_takes_no_name(store: Store) -> None:
    """What a terminal has learnt does not keep a collection of this name from being saved."""
    findings = Findings(matched=NOTHING, absent=NOTHING, held=NOTHING, held_names=NOTHING)
    store.known.learn(PLACE, Learnt(findings))
    assert store.collections.origin("crew") is None
    assert save(store).number == 1


def test_a_deletion_takes_along_what_jobs_know(store: Store, clock: Clock) -> None:
    """Also what a run learns that had planned before; a later collection of the name learns for itself."""
    findings = Findings(matched=Identities(b"x" * 16), absent=NOTHING, held=NOTHING, held_names=NOTHING)
    save(store)
    store.known.learn(PLACE, Learnt(findings))
    planned = clock.at
    clock.advance(minutes=1)
    store.collections.delete("crew", expected=1, by=IDA)
    store.known.learn(PLACE, Learnt(findings, planned=planned))
    assert store.known.past(PLACE, window=timedelta()).known == NOTHING
    clock.advance(minutes=1)
    save(store)
    assert store.known.past(PLACE, window=timedelta()).known == NOTHING
    store.known.learn(PLACE, Learnt(findings))
    assert store.known.past(PLACE, window=timedelta()).known == Identities(b"x" * 16)


def test_a_run_that_outlives_its_collection_teaches_the_next_one_nothing(store: Store, clock: Clock) -> None:
    """Neither what it has met, nor that jobs of the next one claim nothing; also if that is there already."""
    findings = Findings(matched=Identities(b"x" * 16), absent=NOTHING, held=NOTHING, held_names=NOTHING)
    save(store)
    began = clock.at
    clock.advance(minutes=1)
    store.collections.delete("crew", expected=1, by=IDA)
    for _ in ("deleted", "made again"):
        store.known.learn(PLACE, Learnt(findings, began=began))
        assert store.known.past(PLACE, window=timedelta()).known == NOTHING
        if store.collections.get("crew") is None:
            clock.advance(minutes=1)
            save(store)
    clock.advance(minutes=1)
    store.known.learn(PLACE, Learnt(findings, began=clock.at))
    store.known.end_claims("crew", except_jobs=(), began=began)
    elsewhere = replace(PLACE, collection="others")
    assert set(store.known.claimed_by(elsewhere, [b"x" * 16])) == {b"x" * 16}
    store.known.end_claims("crew", except_jobs=(), began=clock.at)
    assert not store.known.claimed_by(elsewhere, [b"x" * 16])


# -- as a catalogue ------------------------------------------------------------------------------------------

DEFINITION = """name: {name}
jobs:
  - name: people
    source: {{file: in.csv}}
    destination: {{file: out.csv}}
    object: row
    fields: {{id: {{from: id, key: true}}}}
"""


def test_saved_collections_are_documents(store: Store) -> None:
    """Each document says that it is saved, and which version; a broken one keeps its name and takes no other
    away.
    """
    for name in ("crew", "ship"):
        save(store, name, DEFINITION.format(name=name))
    save(store, "crew", DEFINITION.format(name="crew") + "title: T\n", expected=1)
    save(store, "broken", "name: [")
    save(store, "claims", DEFINITION.format(name="crew"))
    save(store, "gone", DEFINITION.format(name="gone"))
    store.collections.delete("gone", expected=1, by=IDA)
    found = {version.name: judge(version.document) for version in store.collections.newest()}
    assert {name: (type(each), each.name) for name, each in found.items()} == {
        "broken": (Broken, "broken"),
        "claims": (Broken, "claims"),
        "crew": (Loaded, "crew"),
        "ship": (Loaded, "ship"),
    }
    assert (found["crew"].document.origin, found["crew"].document.version) == ("saved:crew", "2")
    assert "write name: claims" in str(found["claims"].problems[0])


# -- the account of the DAG processor ------------------------------------------------------------------------


def test_an_account_may_read_saved_collections_and_nothing_else(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It can do all that the bundle does, and neither write nor read another table; whatever it is called."""
    url = postgres.create_store()
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATABASE_URL", url)
    account = 'dag "processor" %s'
    with Store.open(url) as store:
        save(store)
        with store._database.write() as connection:
            quoted = connection.dialect.identifier_preparer.quote_identifier(account)
            connection.exec_driver_sql(f"CREATE ROLE {quoted} LOGIN")
        for _ in range(2):
            assert main(["db", "grant-reading", account]) == 0
        assert "may read the saved collections" in capsys.readouterr().out
        assert main(["db", "grant-reading", "nobody_there"]) == 1
        assert 'role "nobody_there" does not exist' in capsys.readouterr().err
        with Store.open(make_url(url).set(username=account).render_as_string()) as theirs:
            assert theirs.collections.at(theirs.collections.newest_revision()) == store.collections.newest()
            assert theirs.collections.moment(1) is not None
            for refused in (
                lambda: theirs.collections.origin("crew"),
                lambda: save(theirs, "crew", "other", expected=1),
                theirs.runs.recent,
                lambda: theirs.requests.get(1),
            ):
                with pytest.raises(StoreError, match="permission denied"):
                    refused()
            with pytest.raises(StoreError, match="permission denied"), theirs._database.write() as connection:
                connection.execute(delete(CollectionVersionRow))
        with store._database.write() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {quoted}; DROP ROLE {quoted}")


def test_sqlite_has_no_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says so."""
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATABASE_URL", new_store(tmp_path / "store.db"))
    assert main(["db", "grant-reading", "dag_processor"]) == 1
    assert "SQLite has no accounts" in capsys.readouterr().err
