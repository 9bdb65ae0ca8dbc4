"""The deployment of docker-compose.yml, started without containers: a worker and a triggerer are killed, and
nothing is lost.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import httpx
import ldap
import pytest

from directory_sync.approval.people import Person
from directory_sync.store.store import Store
from tests.scenarios import compose
from tests.scenarios.celery_deployment import CeleryDeployment
from tests.scenarios.delay_proxy import DelayProxy
from tests.scenarios.postgres import find_binaries
from tests.scenarios.slapd import SlapdMissing, slapd_root

pytestmark = pytest.mark.timeout(600)  # twenty processes on a busy machine

DAG = "staff_to_branch"
APPROVERS = "Directory Approvers"
PEOPLE = {"people": 320, "interns": 6, "partners": 6}
"""Job → how many people it creates."""

# As dags/job_collections.py, but a task that failed is tried again after two seconds rather than a minute or
# two.
IMPATIENT = '''"""An Airflow dag file."""
from datetime import timedelta

from directory_sync.airflow import wiring

wiring._RETRY_DELAY = wiring._MAX_RETRY_DELAY = timedelta(seconds=2)
'''


def definition() -> str:
    """One job for each kind of people, each under the same policy."""
    jobs = "".join(
        f"""
  - name: {job}
    source:
      connection: planet_express
      container: ou=people,dc=planetexpress,dc=com
      filter: (employeeType={job})
    destination:
      connection: branch_office
      container: ou={job},dc=branch,dc=example
      filter: (objectClass=inetOrgPerson)
    retries: 2                     # what a killed worker leaves is taken up by another
    object: inetOrgPerson
    rdn: uid
    fields:
      uid: {{from: uid, key: true}}
      cn: cn
      sn: sn
"""
        for job in PEOPLE
    )
    return f"name: {DAG}\npaused: false\napproval: {{approvers: {{roles: [{APPROVERS}]}}}}\njobs:{jobs}"


def staff() -> str:
    """LDIF of the people at the source."""
    entries = ["dn: ou=people,dc=planetexpress,dc=com\nobjectClass: organizationalUnit\nou: people\n"]
    entries += [
        f"dn: uid={job}{number},ou=people,dc=planetexpress,dc=com\nobjectClass: inetOrgPerson\nuid:"
        f" {job}{number}\ncn: {job.title()} {number}\nsn: {number}\nemployeeType: {job}\n"
        for job, size in PEOPLE.items()
        for number in range(size)
    ]
    return "\n".join(entries)


def containers() -> str:
    """LDIF of the empty containers at the destination."""
    return "\n".join(
        f"dn: ou={job},dc=branch,dc=example\nobjectClass: organizationalUnit\nou: {job}\n" for job in PEOPLE
    )


class Login:
    """Somebody at Airflow's REST API, and at ours below it."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=30, trust_env=False)
        answer = self.client.post("/auth/token", json={"username": user, "password": password})
        assert answer.status_code == httpx.codes.CREATED, answer.text
        self.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def get(self, path: str, **parameters: Any) -> Any:
        """What a GET returns."""
        answer = self.client.get(path, params=parameters)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def post(self, path: str, body: Any, *, status: int = httpx.codes.OK) -> Any:
        """What a POST returns, which has that status."""
        answer = self.client.post(path, json=body)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()


@pytest.fixture(scope="module")
def branch_proxy() -> DelayProxy:
    """What stands between the workers and the destination; it does not run yet."""
    return DelayProxy(0)


@pytest.fixture(scope="module")
def deployment(
    tmp_path_factory: pytest.TempPathFactory, branch_proxy: DelayProxy
) -> Iterator[CeleryDeployment]:
    """Everything that docker-compose.yml starts, healthy, with one collection."""
    for program in ("redis-server", "redis-cli"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    if find_binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    try:
        slapd_root()
    except SlapdMissing as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("machines")
    (folder / "collections").mkdir()
    (folder / "collections" / "staff.yaml").write_text(definition(), encoding="utf-8")
    dag_file = folder / "job_collections.py"
    text = (compose.PROJECT / "dags" / "job_collections.py").read_text(encoding="utf-8")
    dag_file.write_text(IMPATIENT + text, encoding="utf-8")
    with CeleryDeployment(
        folder / "deployment", dag_file=dag_file, collections=folder / "collections"
    ) as machines:
        machines.run("certificates")
        machines.sample("planetexpress", staff())
        machines.sample("branch", containers())
        for service in ("redis", "planetexpress", "branch"):
            machines.start(service)
        branch_proxy.target, branch_proxy.port = machines.ports["branch-server"], machines.ports["branch"]
        with branch_proxy:
            machines.run("init")
            for service in ("api-server", "scheduler", "dag-processor"):
                machines.start(service)
            for number in (1, 2):
                machines.start("worker", number)
                machines.start("triggerer", number)
            for service in ("api-server", "scheduler", "redis"):
                machines.wait_for(service, lambda name=service: machines.healthy(name))
            yield machines
    left = [service.name for service in machines.services.values() if service.ledger.running()]
    assert not left, f"These still run: {left}"


@pytest.fixture
def log_in(deployment: CeleryDeployment) -> Iterator[Callable[[str, str], Login]]:
    """Logs somebody in until the test is over: `log_in(user, password)`."""
    with ExitStack() as stack:

        def begin(user: str, password: str) -> Login:
            login = Login(deployment.url, user, password)
            stack.callback(login.client.close)
            return login

        yield begin


def test_a_killed_worker_and_a_killed_triggerer_lose_nothing(
    deployment: CeleryDeployment, branch_proxy: DelayProxy, log_in: Callable[[str, str], Login]
) -> None:
    """Three jobs wait for approval when their triggerer is killed, and one is half written when its worker
    is: all ends right.

    People and their roles are FAB's. Whoever started the run may not approve it, nor may somebody without the
    role.
    """
    admin = log_in("admin", deployment.secrets["ADMIN_PASSWORD"])
    for user, *roles in (("otto", "User", "Directory Operators"), ("anna", APPROVERS), ("vera", "Viewer")):
        body = {
            "username": user,
            "email": f"{user}@corp.example",
            "first_name": user,
            "last_name": user,
            "password": f"{user}-Pw0",
        }
        admin.post("/auth/fab/v1/users", body | {"roles": [{"name": role} for role in roles]})
    otto, anna, vera = (log_in(user, f"{user}-Pw0") for user in ("otto", "anna", "vera"))
    deployment.wait_for("the DAG", lambda: otto.client.get(f"/api/v2/dags/{DAG}").is_success)
    run = otto.post(f"/api/v2/dags/{DAG}/dagRuns", {"logical_date": None, "conf": {"reason": "New branch"}})[
        "dag_run_id"
    ]

    def tasks() -> dict[str, Any]:
        found = otto.get(f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances")["task_instances"]
        return {task["task_id"]: task for task in found}

    def gates_wait() -> dict[str, Any] | None:
        gates = {name: task for name, task in tasks().items() if name.endswith(".approval")}
        return (
            gates
            if len(gates) == len(PEOPLE) and all(gate["triggerer_job"] for gate in gates.values())
            else None
        )

    gates = deployment.wait_for("three gates in a triggerer", gates_wait)
    requests = {each["job"]: each for each in anna.get("/dirsync/api/v1/requests", list="inbox")["requests"]}
    assert set(requests) == set(PEOPLE)
    assert {each["requester"] for each in requests.values()} == {"otto"}

    triggerer = gates["people.approval"]["triggerer_job"]["hostname"]
    deployment.services[triggerer].kill()

    def approve(who: Login, job: str, status: int = httpx.codes.OK) -> Any:
        path = f"/dirsync/api/v1/requests/{requests[job]['id']}/approve"
        return who.post(path, {"digest": requests[job]["digest"]}, status=status)

    for nobody in (otto, vera):
        approve(nobody, "people", status=httpx.codes.FORBIDDEN)
    assert entries(deployment) == dict.fromkeys(PEOPLE, 0)
    branch_proxy.delay = 0.5  # several hundred people take several seconds
    for job in requests:
        approved = approve(anna, job)["request"]
        assert (approved["state"], approved["decided_by"]) == ("approved", "anna")

    deployment.wait_for("some people at the destination", lambda: entries(deployment)["people"] >= 5)
    deployment.services[tasks()["people.apply"]["hostname"]].kill()
    written = entries(deployment)["people"]
    assert written < PEOPLE["people"], "the worker was killed too late to prove anything"
    branch_proxy.delay = 0.0

    states = {"success", "failed"}
    deployment.wait_for(
        "the end", lambda: otto.get(f"/api/v2/dags/{DAG}/dagRuns/{run}")["state"] in states, patience=120
    )
    finished = tasks()
    assert {name: task["state"] for name, task in finished.items()} == dict.fromkeys(finished, "success")
    assert finished["people.apply"]["try_number"] >= 2
    assert {task["hostname"] for task in finished.values()} - {""} == {
        "worker-1",
        "worker-2",
    }  # markers run nowhere
    assert entries(deployment) == PEOPLE
    outcomes = deployment.sql(
        "SELECT request.job, outcome.result, count(*), count(DISTINCT sequence) FROM directory_sync_outcome"
        " outcome JOIN directory_sync_request request USING (plan_id) GROUP BY 1, 2"
    )
    counted = dict.fromkeys(PEOPLE, 0)
    for job, result, number, distinct in outcomes:
        assert result in {"done", "found_done"}, outcomes
        assert number == distinct
        counted[job] += int(number)
    assert counted == PEOPLE
    assert not deployment.healthy(triggerer)
    for job, request in requests.items():
        seen = anna.get(f"/dirsync/api/v1/requests/{request['id']}")
        assert seen["request"]["state"] == "applied", job
        assert [(each["person"], each["approve"]) for each in seen["decisions"]] == [("anna", True)]


SAVED = """
name: crew
paused: false
jobs:
  - {{name: {job}, source: {{file: in.csv}}, destination: {{file: {job}.csv}}, object: row, fields: {{id: {{from: id, key: true}}}}}}
  - {{name: after, source: {{file: in.csv}}, destination: {{file: after.csv}}, object: row, fields: {{id: {{from: id, key: true}}}}}}
"""  # noqa: E501


def test_a_run_keeps_its_version_while_its_collection_is_edited(
    deployment: CeleryDeployment, log_in: Callable[[str, str], Login]
) -> None:
    """Saved in the store, it is a DAG soon, though the DAG processor may read nothing else there. An edit in
    the middle of a run is for the next one: workers go by the revision that theirs began with.
    """
    admin = log_in("admin", deployment.secrets["ADMIN_PASSWORD"])
    (deployment.home / "data" / "in.csv").write_text("id\n1\n", encoding="utf-8")
    ida = Person("ida", frozenset({"Admin"}), verified=True)

    def title() -> str | None:
        answer = admin.client.get("/api/v2/dags/crew")
        return answer.json()["dag_display_name"] if answer.is_success else None

    def start() -> str:
        return str(admin.post("/api/v2/dags/crew/dagRuns", {"logical_date": None})["dag_run_id"])

    def end(run: str) -> dict[str, Any]:
        path = f"/api/v2/dags/crew/dagRuns/{run}"
        deployment.wait_for(
            "the end", lambda: admin.get(path)["state"] in {"success", "failed"}, patience=120
        )
        found: dict[str, Any] = admin.get(path)
        return found

    def jobs(run: str) -> dict[str, str]:
        tasks = admin.get(f"/api/v2/dags/crew/dagRuns/{run}/taskInstances")["task_instances"]
        return {task["task_id"]: task["state"] for task in tasks if "." not in task["task_id"]}

    with Store.open(deployment.store_url()) as store:
        store.collections.save("crew", f"title: first\n{SAVED.format(job='a')}", expected=0, by=ida)
        saved = time.monotonic()
        deployment.wait_for("the DAG", lambda: title() == "first")
        print(f"a DAG after {time.monotonic() - saved:.1f} s")
        # The first task waits for the lease on its file, so that the run is under way while the edit arrives.
        file = str((deployment.home / "data" / "a.csv").resolve())
        with store.leases.acquire(file, [file], holder="this test", duration=timedelta(minutes=5)):
            first = start()
            deployment.wait_for("the run", lambda: store.runs.find("crew", first) is not None)
            store.collections.save("crew", f"title: second\n{SAVED.format(job='b')}", expected=1, by=ida)
            deployment.wait_for("the edit", lambda: title() == "second")
        assert end(first)["state"] == "success"
        second = start()
        assert end(second)["state"] == "success"
        assert set(jobs(first)) == {"a", "after", "_close"}
        assert set(jobs(second)) == {"b", "after", "_close"}
        snapshots = [store.runs.find("crew", run) for run in (first, second)]
        assert [each and (each.origin, each.version) for each in snapshots] == [
            ("saved:crew", "1"),
            ("saved:crew", "2"),
        ]
        versions = [end(run)["bundle_version"] for run in (first, second)]
        assert versions == ["1", "2"]
        store.collections.delete("crew", expected=2, by=ida)
    deployment.wait_for("the deletion", lambda: admin.get("/api/v2/dags/crew")["is_stale"])


def test_health_checks_say_yes_about_what_runs(deployment: CeleryDeployment) -> None:
    """The health checks of docker-compose.yml succeed for every service that nobody has killed."""
    asked = [name for name, service in deployment.services.items() if service.process.poll() is None]
    with ThreadPoolExecutor(2) as pool:
        assert dict(zip(asked, pool.map(deployment.complaint, asked), strict=True)) == dict.fromkeys(
            asked, ""
        )


def test_a_worker_can_read_rows_of_the_store_and_nothing_else(deployment: CeleryDeployment) -> None:
    """With what its environment holds a worker enters neither Airflow's database nor changes the tables of
    the store.
    """
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import OperationalError, ProgrammingError

    url = deployment.store_url()
    store = create_engine(url)
    with store.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM directory_sync_request")).scalar_one() >= 0
        with pytest.raises(ProgrammingError, match="must be owner"):
            connection.execute(text("DROP TABLE directory_sync_request_event CASCADE"))
    store.dispose()
    other = create_engine(url.rpartition("/")[0] + "/airflow")
    with pytest.raises(OperationalError, match="permission denied"):
        other.connect()
    other.dispose()
    environment = deployment.environment("worker")
    assert not [
        name for name in environment if name.endswith(("FERNET_KEY", "JWT_SECRET", "API__SECRET_KEY"))
    ]


def entries(deployment: CeleryDeployment) -> dict[str, int]:
    """Job → people at the destination now, asked of the server itself."""
    session = ldap.initialize(f"ldaps://127.0.0.1:{deployment.ports['branch-server']}")
    session.set_option(ldap.OPT_X_TLS_CACERTFILE, str(deployment.authority))
    session.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    session.simple_bind_s("cn=sync,dc=branch,dc=example", deployment.secrets["BRANCH_OFFICE_PASSWORD"])
    try:
        found = session.search_s(
            "dc=branch,dc=example", ldap.SCOPE_SUBTREE, "(objectClass=inetOrgPerson)", ["uid"]
        )
    finally:
        session.unbind_s()
    return {job: sum(f",ou={job}," in dn for dn, _ in found) for job in PEOPLE}
