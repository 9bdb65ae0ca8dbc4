"""`directory-sync run` under approval, against a real directory: it waits, and `--approved` carries out what
was agreed to.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import ldap
import pytest

from directory_sync.approval.people import Person
from directory_sync.approval.request import Request
from directory_sync.cli.deployment import operating_system_user
from directory_sync.cli.main import main
from directory_sync.definition.documents import read_document
from directory_sync.definition.loading import load
from directory_sync.errors import NotAllowed
from directory_sync.requests import decisions
from directory_sync.requests.filing import ask_for_waiver
from directory_sync.store.store import Store
from tests.scenarios.slapd import Slapd

BEA = Person("bea", frozenset(), verified=True)
PEOPLE = "ou=people,dc=office,dc=example"

DEFINITION = """
name: crew
jobs:
  - name: people
    source: {{file: crew.csv}}
    destination: {{connection: office, container: "{container}", filter: (objectClass=inetOrgPerson)}}
    object: inetOrgPerson
    rdn: uid
    missing_at_source: delete
    remove: all
    wait_for_approval: {wait}
    on_failure: continue
    fields:
      uid: {{from: uid, key: true}}
      cn: cn
      sn: cn
    limits: {{delete: {limit}}}
    approval: {policy}
  - name: phones
    source: {{file: crew.csv}}
    destination: {{file: phones.csv}}
    object: row
    fields: {{uid: {{from: uid, key: true}}, cn: cn}}
"""


@dataclass
class Terminal:
    """A terminal on a machine with a store, a directory `office` and a list of the crew."""

    folder: Path
    slapd: Slapd
    capsys: pytest.CaptureFixture[str]
    url: str
    out: str = ""
    err: str = ""
    given: dict[str, Any] = field(default_factory=dict)

    def define(self, **given: Any) -> Path:
        """Write the definition, other than before where something is given."""
        self.given |= given
        values = {
            "container": PEOPLE,
            "wait": "false",
            "limit": 10,
            "policy": "{approvers: {users: [bea]}}",
        } | self.given
        file = self.folder / "crew.yaml"
        file.write_text(DEFINITION.format(**values))
        return file

    def crew(self, *names: str) -> None:
        """Write the source."""
        (self.folder / "crew.csv").write_text(
            "uid,cn\n" + "".join(f"{name},{name.title()}\n" for name in names)
        )

    def call(self, *arguments: str | Path) -> int:
        """Run `directory-sync`; `out` and `err` hold what it printed."""
        self.capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        captured = self.capsys.readouterr()
        self.out, self.err = captured.out, captured.err
        return status

    def run(self, *arguments: str) -> int:
        """Run the collection."""
        return self.call("run", self.folder / "crew.yaml", *arguments)

    def people(self) -> set[str]:
        """Who is in the directory."""
        connection = ldap.initialize(self.slapd.uri)
        connection.simple_bind_s(self.slapd.admin, self.slapd.password)
        try:
            found = connection.search_s(
                self.slapd.suffix, ldap.SCOPE_SUBTREE, "(objectClass=inetOrgPerson)", ["uid"]
            )
        finally:
            connection.unbind_s()
        return {attributes["uid"][0].decode() for _, attributes in found}

    def phones(self) -> bool:
        """Whether the second job has run."""
        return (self.folder / "phones.csv").exists()

    def in_store(self, work: Callable[[Store], Any]) -> Any:
        """Do something in the store, as another process would."""
        with Store.open(self.url) as store:
            return work(store)

    def request(self, number: int = 1) -> Request:
        """A request as it stands."""
        found: Request = self.in_store(lambda store: store.requests.get(number).request)
        return found

    def approve(self, number: int = 1) -> None:
        """Agree as bea, who may."""
        self.in_store(
            lambda store: decisions.approve(
                store, number, BEA, digest=store.requests.get(number).request.digest
            )
        )

    def run_states(self) -> list[str]:
        """The states of all runs, oldest first."""
        runs = self.in_store(lambda store: store.runs.recent("crew"))
        return [run.state for run in reversed(runs)]


@pytest.fixture
def terminal(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    new_slapd: Callable[..., Slapd],
) -> Terminal:
    """A crew of two, whom the directory does not know yet."""
    slapd = new_slapd("dc=office,dc=example")
    url = f"sqlite:///{tmp_path}/store.db"
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.delenv("AIRFLOW_CONFIG", raising=False)
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATABASE_URL", url)
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATA_FOLDER", str(tmp_path))
    connection = {
        "conn_type": "ldap", "host": "127.0.0.1", "port": slapd.port, "login": slapd.admin, "password": slapd.password,  # noqa: E501
        "extra": {"security": "none"},
    }  # fmt: skip
    monkeypatch.setenv("AIRFLOW_CONN_OFFICE", json.dumps(connection))
    there = Terminal(tmp_path, slapd, capsys, url)
    assert there.call("db", "upgrade") == 0
    there.define()
    there.crew("fry", "leela")
    return there


def test_a_run_waits_and_is_carried_out_once_it_is_approved(terminal: Terminal) -> None:
    """Status 4 and nothing written; the job behind runs; after the approval `--approved` writes exactly that,
    once.
    """
    assert terminal.run("--reason", "New crew") == 4
    assert terminal.out.startswith(
        "people: waiting for approval; 2 changes; planned: 2 creations; nothing written yet; "
    )
    assert "request 1" in terminal.out
    assert f"directory-sync run {terminal.folder}/crew.yaml --approved 1" in terminal.err
    assert (terminal.people(), terminal.phones(), terminal.run_states()) == (set(), True, ["waiting"])
    request = terminal.request()
    assert (request.state, request.requester, request.requester_verified) == (
        "pending",
        operating_system_user(),
        False,
    )
    assert (request.trigger, request.reason) == ("terminal", "New crew")

    assert terminal.run("--approved", "1") == 4
    assert "still waits" in terminal.err
    assert terminal.people() == set()

    terminal.approve()
    assert terminal.run("--approved", "1") == 0
    assert terminal.out.startswith("people: succeeded; ")
    assert "2 created" in terminal.out
    assert terminal.people() == {"fry", "leela"}
    assert (terminal.request().state, terminal.run_states()) == ("applied", ["success"])

    assert terminal.run("--approved", "1") == 1
    assert "was applied at" in terminal.err
    assert "nothing was written" in terminal.err
    assert terminal.run() == 0
    assert terminal.people() == {"fry", "leela"}


def test_what_is_approved_is_what_is_written(terminal: Terminal) -> None:
    """Neither a newer source nor a newer definition gets in: the plan and the definition of the waiting run
    count.
    """
    terminal.run("--job", "people")
    terminal.approve()
    terminal.crew("fry", "leela", "zapp")
    terminal.define(container="ou=groups,dc=office,dc=example", policy="none")

    assert terminal.run("--approved", "1") == 0
    assert terminal.people() == {"fry", "leela"}


def test_a_change_meanwhile_is_a_conflict(terminal: Terminal) -> None:
    """What somebody has created since is left alone, reported, and the status says so."""
    terminal.run("--job", "people")
    terminal.approve()
    connection = ldap.initialize(terminal.slapd.uri)
    connection.simple_bind_s(terminal.slapd.admin, terminal.slapd.password)
    mine = [("objectClass", [b"inetOrgPerson"]), ("uid", [b"fry"]), ("cn", [b"Somebody"]), ("sn", [b"Else"])]
    connection.add_s(f"uid=fry,{PEOPLE}", mine)
    connection.unbind_s()

    report = terminal.folder / "report.json"
    assert terminal.run("--approved", "1", "--report", str(report)) == 6
    assert terminal.people() == {"fry", "leela"}
    assert "fry" in terminal.out
    (job,) = json.loads(report.read_text())["jobs"]
    assert [change.get("result") for change in job["changes"]] == ["conflict", None]


@pytest.mark.parametrize("state", ["denied", "cancelled", "stale"])
def test_what_is_not_approved_is_not_written(terminal: Terminal, state: str) -> None:
    """A denied, withdrawn or replaced request is refused with status 1, and the message says what became of
    it.
    """
    terminal.run("--job", "people")
    digest = terminal.request().digest
    admin = Person("root", frozenset(), verified=True)
    match state:
        case "denied":
            terminal.in_store(lambda store: decisions.deny(store, 1, BEA, digest=digest, reason="No"))
        case "cancelled":
            terminal.in_store(lambda store: decisions.cancel(store, 1, admin, administrator=True))
        case _:
            terminal.crew("fry")
            assert terminal.run("--job", "people") == 4

    assert terminal.run("--approved", "1") == 1
    assert f"not approved but {state}" in terminal.err
    assert ("Request 2 has replaced it" in terminal.err) is (state == "stale")
    assert terminal.people() == set()
    assert terminal.run_states()[0] == "waiting"


def test_jobs_behind_may_wait_too(terminal: Terminal) -> None:
    """With `wait_for_approval` the next job is not run, and says why; after the approval it is told how it
    goes on.
    """
    terminal.define(wait="true")
    assert terminal.run() == 4
    assert "phones: not run" in terminal.out
    assert "waits for approval (request 1)" in terminal.out
    assert not terminal.phones()

    terminal.approve()
    assert terminal.run("--approved", "1") == 0
    assert "Jobs after people waited for this" in terminal.err
    assert not terminal.phones()
    assert terminal.run() == 0
    assert terminal.phones()


def test_the_same_changes_are_asked_for_once(terminal: Terminal) -> None:
    """A second run finds the request that is there, and names it and how it goes on."""
    terminal.run("--job", "people")
    assert terminal.run("--job", "people") == 4
    assert "request 1" in terminal.out
    assert "--approved 1 " in terminal.err
    terminal.approve()
    assert terminal.run("--approved", "1") == 0
    assert terminal.people() == {"fry", "leela"}


def test_a_limit_comes_before_the_request(terminal: Terminal) -> None:
    """A plan past a limit stops with status 3 and asks nobody, unless the policy is there for just that."""
    terminal.define(policy="none")
    terminal.run("--job", "people")
    assert terminal.people() == {"fry", "leela"}
    terminal.crew("fry")
    terminal.define(limit=0, policy="{approvers: {users: [bea]}}")

    assert terminal.run("--job", "people") == 3
    assert terminal.in_store(lambda store: store.requests.count()) == 0
    assert terminal.run_states()[-1] == "failed"

    terminal.define(policy="{approvers: {users: [bea]}, when: over_limit}")
    assert terminal.run("--job", "people") == 4
    terminal.approve()
    assert terminal.people() == {"fry", "leela"}
    assert terminal.run("--approved", "1") == 0
    assert terminal.people() == {"fry"}


def test_a_waived_limit(terminal: Terminal) -> None:
    """Once waived for exactly this plan, a run that makes the plan again carries it out; its number in a
    terminal does not.
    """
    terminal.define(policy="none")
    terminal.run("--job", "people")
    terminal.crew("fry")
    terminal.define(limit=0)
    assert terminal.run("--job", "people") == 3

    def ask(store: Store) -> None:
        run = store.runs.recent("crew")[0]
        snapshot = store.runs.find("crew", run.run_id)
        plan_id = store.runs.job_results("crew", run.run_id)[0].plan_id
        assert snapshot is not None
        assert plan_id is not None
        plan = store.plans.load(plan_id).plan
        ask_for_waiver(
            store,
            snapshot,
            plan_id,
            plan,
            policy=None,
            administrators=["admin"],
            asked_by="zoe",
            reason="They have left.",
        )
        admin = Person("cleo", frozenset({"admin"}), verified=True)
        decisions.approve(store, 1, admin, digest=store.requests.get(1).request.digest)

    terminal.in_store(ask)
    assert terminal.people() == {"fry", "leela"}
    assert terminal.run("--approved", "1") == 1
    assert "Request 1 waives limits for a run that makes the same plan again" in terminal.err
    assert terminal.people() == {"fry", "leela"}
    assert terminal.run("--job", "people") == 0
    assert (terminal.people(), terminal.request().state) == ({"fry"}, "applied")


def test_a_failed_job_counts_more_than_a_waiting_one(terminal: Terminal) -> None:
    """Of several the most serious status counts; the run is failed, and stays so when the waiting job is
    carried out.
    """
    (terminal.folder / "phones.csv").mkdir()
    assert terminal.run() == 1
    assert terminal.out.startswith("people: waiting for approval; ")
    assert terminal.run_states() == ["failed"]

    terminal.approve()
    assert terminal.run("--approved", "1") == 0
    assert (terminal.people(), terminal.run_states()) == ({"fry", "leela"}, ["failed"])


def test_a_minimum_of_the_deployment_counts_here_too(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job without a policy waits all the same; a minimum that cannot be read ends the command before
    anything is read.
    """
    terminal.define(policy="none")
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__APPROVAL_MINIMUM", "{approvers: {users: [bea]}}")
    assert terminal.run("--job", "people") == 4
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__APPROVAL_MINIMUM", "{approvers: nobody}")
    assert terminal.run("--job", "people") == 1
    assert "approval_minimum" in terminal.err
    assert terminal.people() == set()


def test_a_preview_asks_nobody(terminal: Terminal) -> None:
    """It shows the changes as ever, with their own status, and files no request."""
    assert terminal.call("preview", terminal.folder / "crew.yaml") == 10
    assert "create" in terminal.out
    assert terminal.in_store(lambda store: store.requests.count()) == 0


def test_a_request_of_airflow_is_left_to_airflow(terminal: Terminal) -> None:
    """The run that has filed it carries it out itself; the command says so and writes nothing, approved or
    not.
    """
    from directory_sync.cli.connections import EnvironmentConnections
    from directory_sync.run.deployment import Deployment
    from directory_sync.run.job import run_job

    collection = load(read_document(terminal.folder / "crew.yaml")).collection

    def as_airflow(store: Store) -> None:
        snapshot = store.runs.start(collection, "manual__1", trigger="manual", requester="ida", verified=True)
        deployment = Deployment(connections=EnvironmentConnections(), data_folder=terminal.folder)
        run_job(
            snapshot, snapshot.collection.job("people"), deployment=deployment, store=store, holder="Airflow"
        )

    terminal.in_store(as_airflow)
    assert terminal.run("--job", "people") == 4
    assert "its run manual__1 in Airflow applies it" in terminal.err

    terminal.approve()
    assert terminal.run("--approved", "1") == 1
    assert "belongs to run manual__1 of Airflow" in terminal.err
    assert terminal.people() == set()


def test_what_airflow_would_ask_about_is_not_written_from_a_terminal(terminal: Terminal) -> None:
    """The same names and no policy: the command ends before anything is read; only what was approved can
    still be written.
    """
    terminal.run("--job", "people")
    terminal.approve()
    terminal.define(policy="{approvers: {users: [dora]}}")
    collection = load(read_document(terminal.folder / "crew.yaml")).collection

    def as_airflow(store: Store) -> None:
        store.runs.start(collection, "manual__1", trigger="manual", requester="ida", verified=True)

    terminal.in_store(as_airflow)
    runs = terminal.run_states()
    terminal.slapd.stop()
    terminal.define(policy="none")
    for arguments in ([], ["--job", "people"], ["--job", "phones"]):
        assert terminal.run(*arguments) == 1
        assert "Airflow runs a collection crew too (last as run manual__1)" in terminal.err
        assert "Run the collection in Airflow" in terminal.err
        assert "--approved NUMBER" in terminal.err
    assert (terminal.run_states(), terminal.phones()) == (runs, False)
    terminal.slapd.start()
    assert terminal.run("--approved", "1") == 0
    assert terminal.people() == {"fry", "leela"}
    terminal.define(policy="{approvers: {users: [mallory]}}")
    terminal.crew("fry")
    assert terminal.run("--job", "people") == 4, (
        "it may ask, but the people whom Airflow would ask have to agree"
    )
    with pytest.raises(NotAllowed):
        mallory = Person("mallory", frozenset(), verified=True)
        terminal.in_store(
            lambda store: decisions.approve(store, 2, mallory, digest=store.requests.get(2).request.digest)
        )


def test_wrong_numbers_and_files(terminal: Terminal) -> None:
    """A request that is not there, another collection's file, and options that contradict each other."""
    terminal.run("--job", "people")
    terminal.approve()
    assert terminal.run("--approved", "2") == 1
    assert "2" in terminal.err
    for more in (["--job", "people"], ["--reason", "again"]):
        assert terminal.run("--approved", "1", *more) == 2
    file = terminal.folder / "crew.yaml"
    file.write_text(file.read_text().replace("name: crew", "name: staff"))
    assert terminal.run("--approved", "1") == 2
    assert "for the collection crew, not for staff" in terminal.err
    assert terminal.people() == set()


def test_a_run_at_work_elsewhere_is_named(terminal: Terminal) -> None:
    """While another run holds the lease nothing is begun: status 1, who it is, and the request can still be
    carried out.
    """
    terminal.run("--job", "people")
    terminal.approve()

    def meanwhile(store: Store) -> int:
        plan = store.plans.load(store.requests.get(1).request.plan_id).plan
        with store.leases.acquire(
            plan.destination, [""], holder="somebody else", duration=timedelta(minutes=1)
        ):
            return terminal.run("--approved", "1")

    assert terminal.in_store(meanwhile) == 1
    assert "somebody else" in terminal.out
    assert (terminal.people(), terminal.request().state, terminal.run_states()) == (
        set(),
        "approved",
        ["waiting"],
    )
    assert terminal.run("--approved", "1") == 0
    assert terminal.people() == {"fry", "leela"}


def test_an_interrupted_apply_can_be_repeated(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle leaves the request approved; the same command goes on where it stopped."""
    from directory_sync.run import apply_step

    terminal.run("--job", "people")
    terminal.approve()
    original = apply_step.apply_plan

    def interrupted(*arguments: Any, **options: Any) -> Any:
        original(*arguments, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(apply_step, "apply_plan", interrupted)
        assert terminal.run("--approved", "1") == 130
    assert (terminal.request().state, terminal.run_states()) == ("approved", ["failed"])
    assert terminal.run("--approved", "1") == 0
    assert (terminal.people(), terminal.run_states()) == ({"fry", "leela"}, ["success"])
