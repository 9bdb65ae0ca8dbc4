"""Runs in Airflow over two real directories: order, failure, limits, leases, previews; what log, XCom and
store say.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from directory_sync.definition.models import Collection
from directory_sync.store.leases import Lease
from directory_sync.store.store import Store
from tests.airflow.dag_runs import RunCollection, task_states
from tests.scenarios.directories import administrator, ldif, tree
from tests.scenarios.slapd import Slapd, SlapdMissing

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

CORP, LAB = "dc=corp,dc=example", "dc=lab,dc=example"
PEOPLE = {
    "name": "people",
    "source": {
        "connection": "corp",
        "container": f"ou=People,{CORP}",
        "filter": "(objectClass=inetOrgPerson)",
    },
    "destination": {
        "connection": "lab",
        "container": f"ou=People,{LAB}",
        "filter": "(objectClass=inetOrgPerson)",
    },
    "object": "inetOrgPerson",
    "rdn": "uid",
    "missing_at_source": "delete",
    "remove": "all",
    "fields": {"uid": {"from": "uid", "key": True}, "cn": "cn", "sn": "sn", "title": "title"},
}
GROUPS = {
    "name": "groups",
    "source": {
        "connection": "corp",
        "container": f"ou=Groups,{CORP}",
        "filter": "(objectClass=groupOfNames)",
    },
    "destination": {
        "connection": "lab",
        "container": f"ou=Groups,{LAB}",
        "filter": "(objectClass=groupOfNames)",
    },
    "object": "group",
    "fields": {"cn": {"from": "cn", "key": True}, "member": {"members": "member", "match": "uid"}},
}
PHONES = {
    "name": "phones",
    "source": {"connection": "lab", "container": f"ou=People,{LAB}", "filter": "(objectClass=inetOrgPerson)"},
    "destination": {"file": "phones.csv"},
    "object": "row",
    "fields": {"uid": {"from": "uid", "key": True}, "name": "cn"},
}
UNREACHABLE = {**PEOPLE, "name": "unreachable", "source": {**PEOPLE["source"], "connection": "nowhere"}}  # type: ignore[dict-item]


def person(uid: str, **attributes: str) -> tuple[str, dict[str, str]]:
    """An entry of the source."""
    return f"uid={uid},ou=People,{CORP}", {
        "objectClass": "inetOrgPerson",
        "uid": uid,
        "cn": uid.title(),
        "sn": uid,
        **attributes,
    }


@pytest.fixture(scope="module")
def directories() -> Iterator[tuple[Slapd, Slapd]]:
    """Two servers with a tree each."""
    try:
        corp, lab = Slapd(CORP), Slapd(LAB)
    except SlapdMissing as missing:
        pytest.skip(str(missing))
    for slapd in (corp, lab):
        slapd.load(tree(slapd.suffix, "People", "Groups"))
    with corp, lab:
        yield corp, lab


@pytest.fixture
def corp(directories: tuple[Slapd, Slapd]) -> Slapd:
    """The source: three people and a group of two."""
    slapd, _ = directories
    _empty(slapd)
    group = {
        "objectClass": "groupOfNames",
        "cn": "crew",
        "member": [f"uid={uid},ou=People,{CORP}" for uid in ("fry", "leela")],
    }
    text = ldif(
        person("fry", title="Delivery boy"),
        person("leela"),
        person("bender"),
        (f"cn=crew,ou=Groups,{CORP}", group),
    )
    _add(slapd, text)
    return slapd


@pytest.fixture
def lab(directories: tuple[Slapd, Slapd]) -> Slapd:
    """The destination: empty."""
    _, slapd = directories
    _empty(slapd)
    return slapd


def _add(slapd: Slapd, text: str) -> None:
    import io

    import ldif as ldif_module

    reader = ldif_module.LDIFRecordList(io.StringIO(text))
    reader.parse()
    connection = administrator(slapd)
    for dn, attributes in reader.all_records:
        connection.add_s(dn, list(attributes.items()))
    connection.unbind_s()


def _empty(slapd: Slapd) -> None:
    connection = administrator(slapd)
    for dn in objects(slapd):
        connection.delete_s(dn)
    connection.unbind_s()


def objects(slapd: Slapd) -> dict[str, dict[str, list[bytes]]]:
    """All people and groups of a server."""
    import ldap

    connection = administrator(slapd)
    found = connection.search_s(
        slapd.suffix, ldap.SCOPE_SUBTREE, "(|(objectClass=inetOrgPerson)(objectClass=groupOfNames))"
    )
    connection.unbind_s()
    return dict(found)


@pytest.fixture
def run_collection(
    run_dag: Callable[..., DagRun],
    store_url: str,
    corp: Slapd,
    lab: Slapd,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> RunCollection:
    """Run a collection of these jobs; connections `corp` and `lab` exist, `nowhere` does not answer."""
    (tmp_path / "data").mkdir()
    assert store_url
    for name, slapd, port in (("corp", corp, corp.port), ("lab", lab, lab.port), ("nowhere", corp, 1)):
        connection = {
            "conn_type": "ldap",
            "host": "127.0.0.1",
            "port": port,
            "login": slapd.admin,
            "password": slapd.password,
            "extra": {"security": "none", "timeout": 5},
        }
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))

    def run(*jobs: dict[str, Any], conf: dict[str, Any] | None = None, name: str = "corp_to_lab") -> DagRun:
        from directory_sync.airflow.dag_factory import build_dag

        return run_dag(
            build_dag(Collection.model_validate({"name": name, "jobs": list(jobs)})), **(conf or {})
        )

    return run


@pytest.fixture
def task_log(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What the tasks have written into their logs so far: our lines, and what Airflow says of a failure."""
    caplog.set_level(logging.DEBUG, logger="directory_sync")
    seen: list[str] = []

    def text() -> str:
        seen.append(capfd.readouterr().out)
        return caplog.text + "".join(seen)

    return text


def xcom(run: DagRun, task_id: str) -> Any:
    """What a task returned."""
    instance = run.get_task_instance(task_id)
    assert instance is not None
    return instance.xcom_pull(task_ids=task_id)


def test_a_collection_keeps_a_directory_in_step(
    run_collection: RunCollection, corp: Slapd, lab: Slapd, tmp_path: Path
) -> None:
    """People, then groups with their members, then a file out of what was written; a second run changes
    nothing.
    """
    run = run_collection(PEOPLE, GROUPS, PHONES)
    assert str(run.state) == "success"
    found = objects(lab)
    assert set(found) == {f"uid={uid},ou=People,{LAB}" for uid in ("fry", "leela", "bender")} | {
        f"cn=crew,ou=Groups,{LAB}"
    }
    members = {member.decode() for member in found[f"cn=crew,ou=Groups,{LAB}"]["member"]}
    assert members == {f"uid=fry,ou=People,{LAB}", f"uid=leela,ou=People,{LAB}"}
    assert (tmp_path / "data" / "phones.csv").read_text(encoding="utf-8").count("\n") == 4
    assert xcom(run, "people")["statistics"]["created"] == 3
    assert xcom(run, "_close")["statistics"]["created"] == 7

    connection = administrator(corp)
    connection.delete_s(f"uid=bender,ou=People,{CORP}")
    connection.unbind_s()
    second = run_collection(PEOPLE, GROUPS, PHONES)
    assert xcom(second, "people")["statistics"]["deleted"] == 1
    assert xcom(second, "people")["statistics"]["unchanged"] == 2
    third = run_collection(PEOPLE, GROUPS)
    assert xcom(third, "_close")["statistics"]["deleted"] == 0
    assert xcom(third, "_close")["statistics"]["unchanged"] == 3


def test_an_aborting_failure_keeps_later_jobs_from_running(run_collection: RunCollection, lab: Slapd) -> None:
    """A server that does not answer fails its job; with *abort* nothing after it is written."""
    run = run_collection(UNREACHABLE, PEOPLE)
    assert str(run.state) == "failed"
    states = task_states(run)
    assert (states["unreachable"], states["people"], states["_close"]) == ("failed", "skipped", "failed")
    assert not objects(lab)


def test_a_continuing_failure_fails_only_the_run(run_collection: RunCollection, lab: Slapd) -> None:
    """With *continue* the next job runs all the same, and the run is failed."""
    run = run_collection({**UNREACHABLE, "on_failure": "continue"}, PEOPLE)
    assert str(run.state) == "failed"
    assert task_states(run)["people"] == "success"
    assert len(objects(lab)) == 3


def test_a_limit_stops_a_job_before_its_first_write(
    run_collection: RunCollection, corp: Slapd, lab: Slapd, task_log: Callable[[], str]
) -> None:
    """The task fails, the log says which limit and by how much, and the destination is as it was."""
    run_collection(PEOPLE)
    _empty(corp)
    before = objects(lab)
    run = run_collection({**PEOPLE, "limits": {"delete": 1}})
    assert task_states(run)["people"] == "failed"
    assert xcom(run, "people")["state"] == "stopped_by_limit"
    assert objects(lab) == before
    assert "limit delete: 3 planned, 1 allowed" in task_log()
    assert "Would delete uid=fry" in task_log()
    assert "Deleted" not in task_log()


def test_a_preview_writes_nothing_and_sees_earlier_jobs(
    run_collection: RunCollection, corp: Slapd, lab: Slapd, tmp_path: Path, task_log: Callable[[], str]
) -> None:
    """`preview_only`: both sides stay as they are; groups find the members that the people job would
    create.
    """
    before = objects(corp)
    run = run_collection(PEOPLE, GROUPS, PHONES, conf={"preview_only": True, "reason": "to see"})
    assert str(run.state) == "success"
    assert objects(corp) == before
    assert not objects(lab)
    assert not list((tmp_path / "data").iterdir())
    assert xcom(run, "groups")["state"] == "previewed"
    assert xcom(run, "groups")["statistics"]["created"] == 1
    assert f"member: uid=fry,ou=People,{LAB}" in task_log()
    assert "nothing was written" in task_log()


def test_a_preview_goes_on_after_a_limit(run_collection: RunCollection, corp: Slapd) -> None:
    """A limit that would stop a job does not hide the plans of the others; the run is failed, as `preview`
    exits with 3.
    """
    run_collection(PEOPLE)
    _empty(corp)
    run = run_collection({**PEOPLE, "limits": {"delete": 1}}, PHONES, conf={"preview_only": True})
    assert task_states(run)["phones"] == "success"
    assert xcom(run, "people")["state"] == "stopped_by_limit"
    assert str(run.state) == "failed"


def test_a_run_is_on_record(run_collection: RunCollection, store_url: str) -> None:
    """Who, why, what and how it ended stand in the store."""
    run = run_collection(PEOPLE, conf={"reason": "after the move"})
    with Store.open(store_url) as store:
        (recorded,) = store.runs.recent("corp_to_lab")
        (job,) = store.runs.job_results("corp_to_lab", run.run_id)
    assert (recorded.run_id, recorded.reason, recorded.state, recorded.preview_only) == (
        run.run_id,
        "after the move",
        "success",
        False,
    )
    assert recorded.requester
    assert job.state == "success"
    assert job.statistics is not None
    assert job.statistics.created == 3


def test_a_run_goes_by_the_definition_it_began_with(
    run_collection: RunCollection, lab: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A definition that is edited while a run is going on changes nothing for that run, and a new job waits
    for the next one.
    """
    from directory_sync.airflow.operators import SyncJobOperator

    execute = SyncJobOperator.execute

    def execute_after_edit(self: SyncJobOperator, context: Any) -> Any:
        if self.job == "people":
            result = execute(self, context)
            # From here on the DAG file says something else.
            edited = [{**PEOPLE, "name": "groups"}, {**PEOPLE, "name": "late"}]
            for task in self.dag.tasks:  # type: ignore[union-attr]
                if isinstance(task, SyncJobOperator):
                    task.collection = Collection.model_validate({"name": "corp_to_lab", "jobs": edited})
            return result
        return execute(self, context)

    monkeypatch.setattr(SyncJobOperator, "execute", execute_after_edit)
    run = run_collection(PEOPLE, GROUPS)
    assert str(run.state) == "success"
    assert f"cn=crew,ou=Groups,{LAB}" in objects(lab)


def test_a_job_that_came_later_does_nothing(
    run_collection: RunCollection, store_url: str, lab: Slapd
) -> None:
    """A job that is not in the run's snapshot is left to the next run; the jobs behind it run all the
    same.
    """
    from directory_sync.airflow.collection_task import CollectionOperator, run_identity

    def start_run(self: Any, store: Store, context: Any, parameters: Any) -> Any:
        first = Collection.model_validate({"name": "corp_to_lab", "jobs": [PEOPLE, PHONES]})
        given = asdict(run_identity(context))
        return store.runs.start(first, given.pop("run_id"), verified=True, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CollectionOperator, "_start_run", start_run)
        run = run_collection(PEOPLE, GROUPS, PHONES)
    assert store_url
    assert xcom(run, "groups") == {"state": "not_in_this_run"}
    assert task_states(run)["phones"] == "success"
    assert f"cn=crew,ou=Groups,{LAB}" not in objects(lab)
    assert set(xcom(run, "_close")["jobs"]) == {"people", "phones"}


def _holding(store_url: str, lab: Slapd) -> Lease:
    """A lease of another run on the whole of the destination."""
    from directory_sync.definition.models import DirectoryDestination
    from tests.scenarios.directories import destination, slapd_connection

    model = DirectoryDestination.model_validate(PEOPLE["destination"])
    endpoint = destination(slapd_connection(lab), str(model.container), filter=model.filter)
    endpoint.check()
    store = Store.open(store_url)
    return store.leases.acquire(
        endpoint.identity,
        endpoint.areas,
        holder="collection other, job theirs, run 7",
        duration=timedelta(seconds=60),
    )


def test_a_busy_destination_is_waited_for(
    run_collection: RunCollection,
    store_url: str,
    lab: Slapd,
    monkeypatch: pytest.MonkeyPatch,
    task_log: Callable[[], str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The task is deferred, tries again, and works when the other run has ended."""
    from directory_sync.airflow import collection_task

    monkeypatch.setattr(collection_task, "FIRST_PAUSE", 0.5)
    monkeypatch.setattr(collection_task, "LONGEST_PAUSE", 0.5)
    lease = _holding(store_url, lab)

    def release() -> None:
        deadline = time.monotonic() + 60
        while "collection other, job theirs, run 7" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.05)
        lease.release()

    with lease:
        # Released from a thread when the task has said that it waits.
        releasing = threading.Thread(target=release)
        releasing.start()
        run = run_collection(PEOPLE)
        releasing.join()
    assert task_states(run)["people"] == "success"
    assert "collection other, job theirs, run 7" in task_log()
    assert len(objects(lab)) == 3


def test_a_destination_that_stays_busy_fails_the_job(
    run_collection: RunCollection,
    store_url: str,
    lab: Slapd,
    monkeypatch: pytest.MonkeyPatch,
    task_log: Callable[[], str],
) -> None:
    """After `lease_wait` the job fails and names who holds the destination; nothing was written."""
    from directory_sync.airflow import collection_task

    monkeypatch.setattr(collection_task, "FIRST_PAUSE", 0.6)
    monkeypatch.setattr(collection_task, "LONGEST_PAUSE", 0.6)
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__LEASE_WAIT", "1s")
    with _holding(store_url, lab):
        run = run_collection(PEOPLE)
    assert task_states(run)["people"] == "failed"
    assert "collection other, job theirs, run 7" in task_log()
    assert "lease_wait" in task_log()
    assert not objects(lab)


def test_what_cannot_be_carried_out_is_refused_before_anything_is_done(
    run_collection: RunCollection, lab: Slapd, task_log: Callable[[], str]
) -> None:
    """One job that this version cannot carry out: the first task refuses, so that the collection is never
    half done.
    """
    later = {**PHONES, "destination": {"file": "phones.xlsx"}}
    run = run_collection(PEOPLE, later)
    assert task_states(run)["people"] == "failed"
    assert "Excel" in task_log()
    assert not objects(lab)


def test_a_missing_connection_names_the_remedy(
    run_collection: RunCollection, task_log: Callable[[], str]
) -> None:
    """The log says which connection is missing and where to create it."""
    run = run_collection({**PEOPLE, "source": {**PEOPLE["source"], "connection": "gone"}})  # type: ignore[dict-item]
    assert task_states(run)["people"] == "failed"
    assert "connection gone" in task_log()
    assert "Admin → Connections" in task_log()


def test_a_store_without_tables_names_the_command(
    run_collection: RunCollection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    task_log: Callable[[], str],
    lab: Slapd,
) -> None:
    """Without the store nothing runs, and the message says how to create it."""
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATABASE_URL", f"sqlite:///{tmp_path}/nothing.db")
    run = run_collection(PEOPLE)
    assert str(run.state) == "failed"
    assert "airflow db migrate" in task_log()
    assert not objects(lab)


def test_no_password_is_in_any_log(
    run_collection: RunCollection, corp: Slapd, task_log: Callable[[], str]
) -> None:
    """Neither the connections' passwords nor anything that looks like one."""
    run_collection({**UNREACHABLE, "on_failure": "continue"}, PEOPLE)
    assert corp.password not in task_log()


@pytest.mark.parametrize("side", ["corp", "lab"])
def test_the_test_button_says_what_it_found(
    run_collection: RunCollection, side: str, corp: Slapd, lab: Slapd
) -> None:
    """Flavour and naming contexts of the server."""
    from directory_sync.airflow.hook import LdapHook

    assert run_collection
    works, message = LdapHook(side).test_connection()
    assert works
    assert "openldap" in message
    assert {"corp": corp, "lab": lab}[side].suffix in message


def test_the_test_button_says_what_is_wrong(
    run_collection: RunCollection, corp: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong password and a server that is not there, without any password in the message."""
    from directory_sync.airflow.hook import LdapHook

    assert run_collection
    connection = {
        "conn_type": "ldap",
        "host": "127.0.0.1",
        "port": corp.port,
        "login": corp.admin,
        "password": "swordfish",
    }
    monkeypatch.setenv("AIRFLOW_CONN_WRONG", json.dumps({**connection, "extra": {"security": "none"}}))
    for name in ("wrong", "nowhere", "missing"):
        works, message = LdapHook(name).test_connection()
        assert not works
        assert name in message
        assert "swordfish" not in message
