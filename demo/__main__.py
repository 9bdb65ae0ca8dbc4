"""`make demo` and `make demo-check`: starts everything, runs the collection, tells what was done, and leaves
nothing behind.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import httpx

from demo.airflow_api import AirflowApi
from demo.airflow_server import LOG, LOGINS, AirflowFailedError, AirflowServer, start_airflow
from demo.approval import check_approval, check_denial
from demo.check import SOURCE_CHANGES, Checks
from demo.directories import Directory, branch_office, planet_express
from demo.failures import failure_text
from demo.processes import Ledger, listening_addresses
from demo.product_api import ProductApi
from demo.report import Steps, table
from demo.surroundings import write_environment

PROJECT = Path(__file__).resolve().parent.parent
LOCAL = PROJECT / ".local"
HOME = LOCAL / "demo"
COLLECTION = "planet_express_to_branch"
SAVED = "mail_directory"
"""The collection that is saved in the store."""
JOBS = ("people", "groups", "phone_list", "guests")
REQUESTER, APPROVER = "ida", "bob"
CREW = {"amy", "bender", "fry", "hermes", "leela", "professor", "zoidberg"}

_RUN_TIMEOUT = 300.0
_DAG_TIMEOUT = 120.0
_PATIENCE = 15.0


class Stopped(BaseException):
    """Somebody pressed Ctrl-C or asked the process to end."""


@dataclass(slots=True)
class Signals:
    """The first signal ends the demo, a second one ends it in a hurry."""

    received: int = field(default=0)

    def install(self) -> None:
        """From now on SIGINT, SIGTERM and SIGHUP raise Stopped once, and are counted after that."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.received += 1
        if self.received == 1:
            raise Stopped

    def in_a_hurry(self) -> bool:
        """Whether a second signal came."""
        return self.received > 1


@dataclass(frozen=True, slots=True)
class Demo:
    """Everything that runs."""

    source: Directory
    destination: Directory
    server: AirflowServer
    api: AirflowApi
    ledger: Ledger
    steps: Steps

    @property
    def guest_list(self) -> Path:
        """The file that the job `guests` reads."""
        return HOME / "data" / "guests.csv"

    def guests(self) -> str:
        """The branch office's guests with their operational attributes: equal texts mean that nothing was
        written.
        """
        return self.destination.search("ou=Guests,dc=branch,dc=example", "(uid=*)", "*", "+")

    @property
    def mail_directory(self) -> Path:
        """The file that the saved collection writes."""
        return HOME / "data" / "mail_directory.csv"

    def run_saved(self) -> str:
        """Run the saved collection, and return the run's state."""
        run_id = self.api.trigger(SAVED, "the first run of the demo")
        state = self.api.wait_for_run(SAVED, run_id, _RUN_TIMEOUT)
        self.steps.done("Run", f"{SAVED}: {state}")
        return state

    @property
    def phone_list(self) -> Path:
        """The file that the job `phone_list` writes."""
        return HOME / "data" / "phone_list.csv"

    def run(self, reason: str) -> tuple[str, str, dict[str, Mapping[str, Any]]]:
        """Trigger the collection, wait, and return the run's id, its state and what each job's task returned.

        The state is `waiting` where somebody has to decide before the run can end.
        """
        run_id = self.api.trigger(COLLECTION, reason)
        self.steps.under_way("Run", f"{run_id} …")
        state = self.api.wait_for_jobs(COLLECTION, run_id, _RUN_TIMEOUT)
        tasks = self.api.task_states(COLLECTION, run_id)
        results = {
            job: self.api.result(COLLECTION, run_id, job) or {"state": tasks.get(job, "did not run")}
            for job in JOBS
        }
        self.steps.done("Run", f"{reason}: {state}")
        print(f"\n{table(results)}\n", flush=True)
        for task in (task for task, task_state in tasks.items() if task_state == "failed"):
            for failure in self.api.failures(COLLECTION, run_id, task):
                print(f"{task}: {failure}", flush=True)
        return run_id, state, results


@contextlib.contextmanager
def running_demo(steps: Steps, signals: Signals) -> Iterator[Demo]:
    """Start directories and Airflow in a clean folder; end every process afterwards, whatever happened."""
    ledger = Ledger(LOCAL / "demo.processes")
    if left := ledger.end_all(patience=_PATIENCE):
        steps.done("Clean-up", f"ended {left} processes of a demo that was killed")
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    HOME.chmod(0o700)
    try:
        with contextlib.ExitStack() as stack:
            source = stack.enter_context(planet_express(HOME / "planet_express", ledger))
            steps.done("Planet Express", f"{source.uri}  seven people, two groups")
            destination = stack.enter_context(branch_office(HOME / "branch_office", ledger))
            steps.done("Branch office", f"{destination.uri}  four guests, no one else yet")
            server = _start_airflow(source, destination, ledger)
            api = AirflowApi(server.url)
            stack.callback(api.close)
            server.wait_until_healthy(
                api, lambda seconds: steps.under_way("Airflow", f"starting, {seconds:.0f} s …")
            )
            steps.done("Airflow", f"{server.url}  healthy")
            api.log_in("admin", "admin")
            _save_collection(server)
            for name in (COLLECTION, SAVED):
                _wait_for_dag(server, api, steps, name)
                api.unpause(name)
            api.log_in(REQUESTER, REQUESTER)
            yield Demo(source, destination, server, api, ledger, steps)
    finally:
        # From here on only a hurry counts: nothing may be left behind.
        signals.received = max(signals.received, 1)
        with contextlib.suppress(OSError):  # the terminal may be gone
            print("\nStopping …", flush=True)
        ledger.end_all(patience=_PATIENCE, hurry=signals.in_a_hurry)
        with contextlib.suppress(OSError):
            print("Everything has ended.", flush=True)


def _start_airflow(source: Directory, destination: Directory, ledger: Ledger) -> AirflowServer:
    data, collections = HOME / "data", HOME / "collections"
    data.mkdir()
    for name in ("guests.csv", "interns.csv"):  # the second is for readers of the tutorials
        shutil.copy(PROJECT / "demo" / "data" / name, data)
    # A copy, so that definitions of a tutorial's reader may be put beside it.
    shutil.copytree(PROJECT / "demo" / "collections", collections)
    settings = {"collections_folder": str(collections), "data_folder": str(data)}
    connections = {"planet_express": source.connection(), "branch_office": destination.connection()}
    server = start_airflow(home=HOME / "airflow", project=PROJECT, settings=settings, connections=connections)
    ledger.add("airflow", server.process.pid)
    write_environment(HOME, PROJECT, settings, connections, airflow=server.options)
    return server


def _save_collection(server: AirflowServer) -> None:
    """What an administrator does in the UI."""
    text = (PROJECT / "demo" / "saved" / f"{SAVED}.yaml").read_text(encoding="utf-8")
    with contextlib.closing(ProductApi(server.url, "admin", "admin")) as administrator:
        administrator.save(SAVED, text, "The front desk asked for it.")


def _wait_for_dag(server: AirflowServer, api: AirflowApi, steps: Steps, name: str) -> None:
    deadline = time.monotonic() + _DAG_TIMEOUT
    while not api.has_dag(name):
        if errors := api.import_errors():
            raise AirflowFailedError("Airflow cannot import the DAGs:\n" + "\n".join(errors))
        if time.monotonic() > deadline:
            raise AirflowFailedError(f"Airflow has not found the DAG {name}.\n{server.log_end()}")
        steps.under_way("Collection", "waiting for Airflow to find it …")
        time.sleep(0.5)
    where = "saved in the store" if name == SAVED else "a file"
    steps.done("Collection", f"{name} ({where}) is a DAG")


def show(demo: Demo) -> NoReturn:
    """Run the collection once, say what was done and where to look, and stay."""
    search = HOME / "search-branch-office"
    demo.destination.write_search_command(search, "dc=branch,dc=example")
    demo.run("the first run of the demo")
    demo.run_saved()
    print(f"Collections:   {demo.server.url}/plugin/dirsync/dirsync/collections")
    print(f"Look at it:    {demo.server.url}/dags/{COLLECTION}")
    with contextlib.closing(ProductApi(demo.server.url, APPROVER, APPROVER)) as approver:
        for request in approver.inbox():
            link = f"{demo.server.url}/plugin/dirsync/dirsync/requests/{request['id']}"
            print(f"Decide on it:  {link}   as {APPROVER}: the job {request['job']} waits for that")
    print(
        "Logins:        "
        + ", ".join(f"{user} ({role})" for user, role in LOGINS.items())
        + "; the password is the user name"
    )
    print(f"Phone list:    {os.path.relpath(demo.phone_list)}")
    print(f"Branch office: {os.path.relpath(search)} '(uid=fry)'")
    print(f"Terminal:      . {os.path.relpath(HOME / 'environment.sh')}   and then: directory-sync --help")
    print("\nCtrl-C ends everything.", flush=True)
    while True:
        if demo.server.process.poll() is not None:
            raise AirflowFailedError(f"Airflow has ended by itself.\n{demo.server.log_end()}")
        time.sleep(1)


def check(demo: Demo) -> Checks:
    """Run the collection three times and hold what it did against what it should have done."""
    checks = Checks(lambda text: print(text, flush=True))
    run_id, state, results = demo.run("a first run, into an empty directory")
    checks.equal("state of the first run", state, "waiting")
    if checks.failed:
        return checks
    checks.statistics(
        "first run",
        results,
        {"people": {"created": 7}, "groups": {"created": 2}, "phone_list": {"created": 6}},
    )
    checks.people(demo.source, demo.destination, CREW)
    checks.groups(demo.destination, also={})
    checks.phone_list(demo.phone_list, also={})
    check_approval(demo, checks, run_id)
    checks.equal("state of the run of the saved collection", demo.run_saved(), "success")
    checks.mail_directory(demo.source, demo.mail_directory)

    before = _everything(demo)
    _, state, results = demo.run("a second run, with nothing to do")
    checks.equal("state of the second run", state, "success")
    checks.statistics("second run", results, {job: {} for job in JOBS})
    checks.equal("directory and phone list after a run with nothing to do", _everything(demo), before)

    demo.source.modify(SOURCE_CHANGES)
    rows = demo.guest_list.read_text(encoding="utf-8").splitlines(keepends=True)[:4]
    demo.guest_list.write_text("".join([*rows, "mallory,Mallory,Mal,Burglar,404,\n"]), encoding="utf-8")
    guests = demo.guests()
    run_id, state, results = demo.run("a third run, after somebody changed, left and joined")
    checks.equal("state of the third run", state, "waiting")
    checks.statistics(
        "third run",
        results,
        {"people": {"updated": 1, "deleted": 1}, "groups": {"updated": 1}, "phone_list": {"updated": 1}},
    )
    checks.people(demo.source, demo.destination, CREW - {"amy"})
    checks.groups(demo.destination, also={"ship_crew": {"zoidberg"}})
    checks.phone_list(demo.phone_list, also={"fry": {"orange-joe@planetexpress.com"}})
    check_denial(demo, checks, run_id, guests)

    checks.equal("what the doctor finds wrong, in a second terminal", _wrong(), [])
    addresses = listening_addresses(demo.ledger.running())
    checks.equal("the addresses that the demo listens on", addresses, {"0100007F"})
    return checks


def _everything(demo: Demo) -> tuple[str, bytes]:
    """The whole branch office with its operational attributes, and the phone list."""
    phone_list = demo.phone_list.read_bytes() if demo.phone_list.exists() else b""
    return demo.destination.search("dc=branch,dc=example", "(objectClass=*)", "*", "+"), phone_list


def _wrong() -> list[str]:
    """Warnings and problems that `directory-sync doctor` tells to a person who types it as `show` says."""
    command = f". {shlex.quote(str(HOME / 'environment.sh'))}; exec directory-sync doctor --format json"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    if not done.stdout:
        return [done.stderr]
    findings = json.loads(done.stdout)["findings"]
    return [each["text"] for each in findings if each["state"] in {"warning", "problem"}]


def main() -> int:
    """Run the demo and return the exit status: 0 if it did what it should, 1 if not, 130 if a check was
    interrupted.
    """
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="check unattended that the destination holds what it should"
    )
    unattended = parser.parse_args().check
    steps, signals = Steps(), Signals()
    signals.install()
    try:
        with running_demo(steps, signals) as demo:
            checks = check(demo) if unattended else show(demo)
    except Stopped:
        return 130 if unattended else 0
    except (AirflowFailedError, TimeoutError, OSError, httpx.HTTPError) as error:
        print(f"The demo failed: {failure_text(error, HOME / 'airflow' / LOG)}", file=sys.stderr)
        return 1
    print(f"{checks.passed} passed, {checks.failed} failed in {steps.seconds:.0f} s")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
