"""Saved collections as files of a DAG bundle, by Airflow's own manager of bundles."""

from __future__ import annotations

import ast
import json
import logging
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from directory_sync.airflow import bundle_files
from directory_sync.approval.people import Person
from directory_sync.printable import storable
from directory_sync.store.store import Store
from tests.scenarios.clock import Clock
from tests.scenarios.forked_child import ForkedChild, Tell

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from directory_sync.airflow.bundle import DirectorySyncBundle

IDA = Person("ida", frozenset(), verified=True)
CONFIGURED = [{"name": "saved", "classpath": bundle_files.BUNDLE, "kwargs": {}}]


def definition(name: str = "crew", title: str = "Crew", job: str = "people") -> str:
    """A small collection."""
    return f"""name: {name}
title: {title}
jobs:
  - name: {job}
    source: {{file: in.csv}}
    destination: {{file: out.csv}}
    object: row
    fields: {{id: {{from: id, key: true}}}}
"""


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Airflow keeps the files of bundles; one of ours is configured."""
    folder = tmp_path / "bundles"
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(folder))
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(CONFIGURED))
    return folder


@pytest.fixture
def bundle(storage: Path, store: Store) -> Callable[..., DirectorySyncBundle]:
    """Get the bundle from Airflow, initialized, for a version or none."""

    def get(version: str | None = None) -> DirectorySyncBundle:
        found = uninitialized(version)
        found.initialize()
        return found

    return get


def uninitialized(version: str | None = None) -> DirectorySyncBundle:
    """The bundle as Airflow's manager makes it."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    manager: Any = DagBundlesManager
    found: DirectorySyncBundle = manager().get_bundle("saved", version)
    return found


def save(store: Store, text: str, name: str = "crew") -> None:
    """Save as the next version."""
    newest = store.collections.get(name)
    store.collections.save(name, text, expected=newest.number if newest else 0, by=IDA)


def dags(folder: Path) -> dict[str, DAG]:
    """The DAGs of a folder, as Airflow loads them."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(folder, bundle_path=folder, bundle_name="saved")
    assert bag.import_errors == {}
    return dict(bag.dags)


def version(bundle: DirectorySyncBundle) -> str | None:
    """The version that Airflow is told."""
    current = bundle.get_current_version()
    return None if current is None else current.version


def files(folder: Path) -> dict[str, int]:
    """Name of each file of a collection → when it was written."""
    return {each.name: each.stat().st_mtime_ns for each in folder.glob("*.py")}


# -- the file of a collection --------------------------------------------------------------------------------

NASTY = st.text(
    st.sampled_from(["'", '"', "\\", "\r", "\n", "{", "#", "\x0c", "\x85", "\u2028", "é", "n", "\ufeff"])
)


@given(st.one_of(NASTY, st.text()).map(storable), st.lists(NASTY, max_size=2))
@example("'''", [])
@example("\\", ["'"])
@example("\\'''\r\n", [])
@example("", [])
@example("# -*- coding: latin-1 -*-\nname: crew", [])
def test_a_text_comes_back_from_its_file_as_it_was(text: str, roles: list[str]) -> None:
    """Whatever a definition and roles hold, Python reads exactly that from the file, and nothing of it is
    run.
    """
    from directory_sync.airflow.stub import stub_of
    from directory_sync.store.collection_versions import SavedVersion

    saved = SavedVersion.__new__(SavedVersion)
    given_ = {"name": "crew", "number": 7, "text": text, "roles": tuple(roles), "verified": True}
    for field, value in given_.items():
        object.__setattr__(saved, field, value)
    stub = stub_of(saved).encode()
    assert b"airflow" in stub
    assert b"dag" in stub
    assignment, imported, call = ast.parse(stub).body
    assert isinstance(assignment, ast.Assign)
    assert isinstance(imported, ast.ImportFrom)
    assert ast.literal_eval(assignment.value)[1:-1] == text
    assert ast.unparse(call) == f"dag = load('crew', 7, DEFINITION, {roles!r})"


def test_the_code_tab_shows_the_definition(bundle: Callable[..., DirectorySyncBundle], store: Store) -> None:
    """The file holds the text as it was saved, where Python does not need it otherwise."""
    text = definition() + "# (objectClass=\\2a) 'quoted'\n"
    save(store, text)
    (file,) = bundle().path.glob("*.py")
    assert text in file.read_text(encoding="utf-8")


# -- what the DAG processor sees -----------------------------------------------------------------------------


def test_a_saved_collection_is_a_dag_with_its_version(
    bundle: Callable[..., DirectorySyncBundle], store: Store
) -> None:
    """The DAG's tasks know from where their definition comes, and which version it is."""
    save(store, definition(title="one"))
    save(store, definition(title="\"'''two''' \\\\\""))
    current = bundle()
    found = dags(current.path)
    assert list(found) == ["crew"]
    assert found["crew"].dag_display_name == "'''two''' \\"
    task: Any = found["crew"].get_task("people")
    assert (task.origin, task.version) == ("saved:crew", "2")
    assert version(current) == "2"
    assert current.supports_versioning


def test_a_broken_definition_is_shown_and_takes_no_other_away(
    bundle: Callable[..., DirectorySyncBundle], store: Store
) -> None:
    """It has a DAG that says what is wrong; so has one that claims the name of another."""
    save(store, definition())
    save(store, "name: broken\njobs: 7\n", "broken")
    save(store, "name: [", "unreadable")
    save(store, definition("crew"), "claims_crew")
    found = dags(bundle().path)
    assert sorted(found) == ["broken", "claims_crew", "crew", "unreadable"]
    assert {name for name, dag in found.items() if "broken definition" in dag.tags} == {
        "broken",
        "claims_crew",
        "unreadable",
    }
    assert "saved:broken:2" in str(found["broken"].doc_md)
    assert "kept under the name claims" in str(found["claims_crew"].doc_md)


def test_only_what_changed_is_written(bundle: Callable[..., DirectorySyncBundle], store: Store) -> None:
    """An edit writes one file, a deletion takes one, nothing new writes none; the folder stays the same."""
    save(store, definition("crew"))
    save(store, definition("ship"), "ship")
    current = bundle()
    folder, before = current.path, files(current.path)
    mark = (folder / bundle_files.MARK).stat().st_mtime_ns
    current.refresh()
    assert files(folder) == before
    assert (folder / bundle_files.MARK).stat().st_mtime_ns == mark
    save(store, definition("ship", title="Other"), "ship")
    current.refresh()
    after = files(folder)
    assert after["collection-crew.py"] == before["collection-crew.py"]
    assert after["collection-ship.py"] != before["collection-ship.py"]
    assert (current.path, version(current)) == (folder, "3")
    store.collections.delete("crew", expected=1, by=IDA)
    current.refresh()
    assert list(files(folder)) == ["collection-ship.py"]
    assert version(current) == "4"


def test_edits_in_one_second_are_told_apart(bundle: Callable[..., DirectorySyncBundle], store: Store) -> None:
    """Python compares what it has compiled by whole seconds and sizes: each edit gets a second of its own."""
    save(store, definition(title="1"))
    current = bundle()
    seen = []
    for title in "234":
        save(store, definition(title=title))
        current.refresh()
        seen.append(dags(current.path)["crew"].dag_display_name)
    assert seen == ["2", "3", "4"]


def test_a_store_without_collections_gives_no_dags(bundle: Callable[..., DirectorySyncBundle]) -> None:
    """An empty folder, and revision 0."""
    current = bundle()
    assert current.path.is_dir()
    assert dags(current.path) == {}
    assert version(current) == "0"


def test_files_that_vanish_are_written_again(
    bundle: Callable[..., DirectorySyncBundle], store: Store
) -> None:
    """Below `/tmp` files go by age, and a power cut empties them; what does not belong there goes."""
    for name in ("crew", "ship", "dock"):
        save(store, definition(name), name)
    current = bundle()
    before = {each.name: each.read_text() for each in current.path.glob("*.py")}
    (current.path / "collection-crew.py").unlink()
    (current.path / "collection-ship.py").write_text("")
    (current.path / "other.py").write_text("raise SystemExit  # airflow dag")
    (current.path / ".collection-crew.py.part").write_text("half")
    current.refresh()
    assert {each.name: each.read_text() for each in current.path.glob("*.py")} == before
    assert not list(current.path.glob(".*.part"))
    (current.path / bundle_files.MARK).write_text("{}")
    current.refresh()
    assert version(current) == "3"


# -- when the store does not answer --------------------------------------------------------------------------


def test_dags_stay_while_the_store_is_away(
    bundle: Callable[..., DirectorySyncBundle],
    store: Store,
    store_url: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was read stays, for a DAG processor that starts meanwhile too; the log says so, and the store is
    not asked each time.
    """
    save(store, definition())
    current = bundle()
    file = Path(store_url.removeprefix("sqlite:///"))
    file.rename(file.with_suffix(".away"))
    with caplog.at_level(logging.WARNING):
        current.refresh()
        assert "DAGs of saved collections stay" in caplog.messages[-1]
        caplog.clear()
        starting = bundle()
        assert "DAGs of saved collections stay" in caplog.messages[-1]
        caplog.clear()
        for each in (current, starting):
            each.refresh()
            assert list(dags(each.path)) == ["crew"]
            assert version(each) == "1"
        assert not [each for each in caplog.messages if "saved collections" in each]
    file.with_suffix(".away").rename(file)
    save(store, definition("ship"), "ship")
    current.refresh()
    assert list(files(current.path)) == ["collection-crew.py"]  # within the pause
    monkeypatch.setattr(current, "_silent_until", 0.0)
    current.refresh()
    assert sorted(files(current.path)) == ["collection-crew.py", "collection-ship.py"]


def test_without_files_and_store_airflow_is_told(
    storage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty folder would make Airflow take all DAGs for deleted, so it gets an error, and looks again."""
    from airflow.sdk.exceptions import AirflowException

    from directory_sync.store.migrate import upgrade

    url = f"sqlite:///{tmp_path}/later.db"
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATABASE_URL", url)
    current = uninitialized()
    for _ in range(2):
        with pytest.raises(AirflowException, match=r"no DAGs yet\. .*directory-sync db upgrade"):
            current.initialize()
    assert [current.is_initialized, version(current)] == [False, None]
    upgrade(url)
    current.initialize()
    assert version(current) == "0"


def test_a_restored_store_is_read_again(
    bundle: Callable[..., DirectorySyncBundle], store: Store, store_url: str
) -> None:
    """The same revision of another history is another revision, for the DAG processor and for workers."""
    clock = Clock(store)
    file = Path(store_url.removeprefix("sqlite:///"))
    save(store, definition(title="first"))
    with store._database.raw() as driver:
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    backup = file.read_bytes()
    clock.advance(hours=1)
    save(store, definition(title="lost"))
    current, pinned = bundle(), bundle("2")
    assert dags(pinned.path)["crew"].dag_display_name == "lost"
    store.close()
    for each in (file, file.with_name("store.db-wal"), file.with_name("store.db-shm")):
        each.unlink(missing_ok=True)
    file.write_bytes(backup)
    current.refresh()
    assert dags(current.path)["crew"].dag_display_name == "first"
    assert version(current) == "1"
    clock.advance(hours=1)
    save(store, definition(title="other"))
    current.refresh()
    assert dags(current.path)["crew"].dag_display_name == "other"
    assert dags(bundle("2").path)["crew"].dag_display_name == "other"


# -- what a worker sees --------------------------------------------------------------------------------------


def test_a_run_keeps_its_revision(bundle: Callable[..., DirectorySyncBundle], store: Store) -> None:
    """Whatever is saved or deleted later, a worker gets what existed when the run began; also again, when
    Airflow has removed the files meanwhile.
    """
    save(store, definition(job="a"))
    save(store, definition("ship"), "ship")
    save(store, definition(job="b"))
    store.collections.delete("crew", expected=2, by=IDA)
    for _ in range(2):
        jobs = {
            number: [task.task_id for name, dag in dags(bundle(number).path).items() for task in dag.tasks]
            for number in ("1", "2", "3", "4")
        }
        assert [("a" in each, "b" in each, "people" in each) for each in jobs.values()] == [
            (True, False, False),
            (True, False, True),
            (False, True, True),
            (False, False, True),
        ]
        assert version(bundle("3")) == "3"
        for number in ("1", "3"):
            shutil.rmtree(bundle(number).path)


def test_files_of_a_revision_are_whole(bundle: Callable[..., DirectorySyncBundle], store: Store) -> None:
    """A folder that was removed in part is made again, and one that is whole stays untouched."""
    for name in ("crew", "ship"):
        save(store, definition(name), name)
    pinned = bundle("2")
    before = files(pinned.path)
    assert files(bundle("2").path) == before
    (pinned.path / "collection-ship.py").unlink()
    assert sorted(files(bundle("2").path)) == sorted(before)
    # A process that was killed while it made a folder.
    (pinned.versions_dir / ".1.part").mkdir()
    bundle("1")
    assert sorted(each.name for each in pinned.versions_dir.iterdir()) == ["1", "2"]


def test_files_of_a_revision_serve_while_the_store_is_away(
    bundle: Callable[..., DirectorySyncBundle], store: Store, store_url: str
) -> None:
    """A task begins with the files that are there, and its own words about the store are what people read;
    without files it is told at once.
    """
    from directory_sync.errors import StoreError

    save(store, definition())
    bundle("1")
    Path(store_url.removeprefix("sqlite:///")).unlink()
    assert list(dags(bundle("1").path)) == ["crew"]
    shutil.rmtree(uninitialized("1").path)
    with pytest.raises(StoreError, match="does not exist"):
        bundle("1")


@pytest.mark.parametrize("number", ["9", "../9", "", "-1", "1 ", "٣"])
def test_a_revision_that_the_store_does_not_have_is_refused(
    bundle: Callable[..., DirectorySyncBundle], store: Store, number: str
) -> None:
    """As after a backup was restored; nothing is written."""
    from airflow.sdk.exceptions import AirflowException

    save(store, definition())
    with pytest.raises(AirflowException, match="Start a new run"):
        bundle(number)
    with pytest.raises(AirflowException, match="held at revision 1"):
        bundle("1").refresh()


# -- names ---------------------------------------------------------------------------------------------------


def test_a_file_with_a_saved_name_is_broken(
    bundle: Callable[..., DirectorySyncBundle], store: Store, tmp_path: Path
) -> None:
    """The saved collection goes on; the file's shows what is wrong, under another DAG id."""
    from directory_sync.airflow.dag_factory import build_dags

    folder = tmp_path / "collections"
    folder.mkdir()
    (folder / "a.yaml").write_text(definition("crew"), encoding="utf-8")
    (folder / "b.yaml").write_text(definition("ship"), encoding="utf-8")
    assert sorted(build_dags(folder)) == ["crew", "ship"]
    save(store, definition("crew", title="saved"))
    current = bundle()
    built = build_dags(folder)
    assert sorted(built) == ["crew.broken", "ship"]
    assert "belongs to a collection that is saved" in str(built["crew.broken"].doc_md)
    assert dags(current.path)["crew"].dag_display_name == "saved"
    store.collections.delete("crew", expected=1, by=IDA)
    current.refresh()
    assert sorted(build_dags(folder)) == ["crew", "ship"]


def test_no_collection_is_imported_by_mistake(
    bundle: Callable[..., DirectorySyncBundle], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow puts the folder on Python's path; a collection called like a library is no module."""
    save(store, definition("orjson_or_other"), "orjson_or_other")
    monkeypatch.syspath_prepend(str(bundle().path))
    with pytest.raises(ModuleNotFoundError):
        __import__("orjson_or_other")


# -- several processes ---------------------------------------------------------------------------------------


def follower(seconds: float = 60) -> ForkedChild:
    """A process that does what a DAG processor does with the bundle, without a pause; it has begun."""

    def follow(tell: Tell) -> None:
        current = uninitialized()
        current.initialize()
        tell("ready")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            current.refresh()

    child = ForkedChild(follow)
    assert child.wait_for("ready")
    return child


def test_two_dag_processors_share_a_machine(bundle: Callable[..., DirectorySyncBundle], store: Store) -> None:
    """Both follow the store in one folder; in the end it holds exactly the newest revision."""
    for name in ("crew", "ship"):
        save(store, definition(name), name)
    both = [follower(4), follower(4)]
    for number in range(20):
        save(store, definition("crew", title=f"t{number}"), "crew")
        time.sleep(0.1)
    for each in both:
        assert each.end() == 0
    current = bundle()
    assert version(current) == "22"
    assert dags(current.path)["crew"].dag_display_name == "t19"
    assert sorted(files(current.path)) == ["collection-crew.py", "collection-ship.py"]


def test_a_killed_dag_processor_leaves_nothing_half(
    bundle: Callable[..., DirectorySyncBundle], store: Store
) -> None:
    """Killed at any moment of a refresh, each file is whole, and the next process puts it all in order."""
    for number in range(40):
        save(store, definition(f"c{number}", title="0"), f"c{number}")
    for round in range(1, 5):
        process = follower()
        for number in range(40):
            save(store, definition(f"c{number}", title=str(round)), f"c{number}")
            if number == 9 * round:
                time.sleep(0.01 * round)
                os.kill(process.pid, signal.SIGKILL)
                process.end()
        folder = uninitialized().path
        titles = {dag.dag_display_name for dag in dags(folder).values()}
        assert titles <= {str(round - 1), str(round)}
        assert len(files(folder)) == 40
        current = bundle()
        assert {dag.dag_display_name for dag in dags(current.path).values()} == {str(round)}
        assert not list(current.path.glob(".*.part"))


def test_500_collections_are_written_and_looked_at_quickly(
    bundle: Callable[..., DirectorySyncBundle], store: Store
) -> None:
    """All of them in seconds; an edit among them, and a look that finds nothing new, in a fraction of one.

    Other processes do not count.
    """
    for number in range(500):
        save(store, definition(f"c{number}"), f"c{number}")
    began = time.process_time()
    current = bundle()
    assert len(files(current.path)) == 500
    assert time.process_time() - began < 10
    save(store, definition("c7", title="edited"), "c7")
    for most in (2.0, 1.0):
        began = time.process_time()
        current.refresh()
        assert time.process_time() - began < most
    assert version(current) == "501"
