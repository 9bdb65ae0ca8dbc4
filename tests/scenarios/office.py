"""An office whose phone list is made from its list of staff, from CSV to CSV, under an approval policy and
with a real store.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from directory_sync.approval.people import Person
from directory_sync.approval.policy import EffectivePolicy
from directory_sync.approval.request import Request
from directory_sync.definition.models import Collection
from directory_sync.requests import decisions
from directory_sync.requests.filing import ask_for_waiver
from directory_sync.run.approved import apply_approved
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import run_job
from directory_sync.run.result import JobResult
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store
from tests.scenarios.new_store import new_store
from tests.scenarios.no_connections import NoConnections

BOB = Person("bob", frozenset({"user"}), verified=True)
CAROL = Person("carol", frozenset({"admin"}), verified=True)
POLICY = {"approvers": {"users": ["bob"]}}


@dataclass
class Office:
    """A folder with a list of staff, the phone list that is made of it, and the store."""

    folder: Path
    store: Store
    deployment: Deployment
    runs: int = 0

    def staff(self, *names: str) -> None:
        self.write("staff.csv", *names)

    def write(self, file: str, *names: str) -> None:
        rows = "".join(f"{name},{name.title()}\n" for name in names)
        (self.folder / file).write_text(f"user,name\n{rows}", encoding="utf-8")

    def phones(self) -> set[str]:
        file = self.folder / "phones.csv"
        return (
            {line.split(",")[0] for line in file.read_text(encoding="utf-8-sig").splitlines()[1:]}
            if file.exists()
            else set()
        )

    def start(
        self, *, trigger: str = "manual", requester: str = "ida", run_id: str = "", **job: Any
    ) -> Snapshot:
        self.runs += 1
        return self.store.runs.start(
            collection(**job),
            run_id or f"run {self.runs}",
            trigger=trigger,
            requester=requester,
            verified=True,
        )

    def run(self, snapshot: Snapshot, **given: Any) -> JobResult:
        [job] = snapshot.collection.jobs
        deployment = given.pop("deployment", self.deployment)
        return run_job(snapshot, job, deployment=deployment, store=self.store, holder="a test", **given)

    def again(self, run: Snapshot) -> Snapshot:
        """A run as a task that begins now finds it."""
        found = self.store.runs.find("office", run.run_id)
        assert found is not None
        return found

    def request(self, result: JobResult) -> Request:
        assert result.request is not None
        return self.store.requests.get(result.request).request

    def approve(self, request: Request, person: Person = BOB) -> None:
        decisions.approve(self.store, request.id, person, digest=request.digest)

    def deny(self, request: Request, reason: str = "Not these.") -> None:
        decisions.deny(self.store, request.id, BOB, digest=request.digest, reason=reason)

    def waiver(self, run: Snapshot, stopped: JobResult, *, policy: EffectivePolicy | None = None) -> Request:
        """A waiver for what a limit has stopped, which zoe asks for; without a policy an administrator
        decides.
        """
        assert stopped.plan_id is not None
        filed = ask_for_waiver(
            self.store,
            run,
            stopped.plan_id,
            self.store.plans.load(stopped.plan_id).plan,
            policy=policy,
            administrators=["admin"],
            asked_by="zoe",
            reason="Closed.",
        )
        return self.store.requests.get(filed.id).request

    def apply(self, snapshot: Snapshot, request_id: int) -> JobResult:
        request = self.store.requests.get(request_id).request
        [job] = snapshot.collection.jobs
        return apply_approved(
            snapshot, job, request, deployment=self.deployment, store=self.store, holder="a test"
        )


def collection(**job: Any) -> Collection:
    return Collection.model_validate(
        {
            "name": "office",
            # Each test removes and removes again, as if days lay between.
            "limit_window": 0,
            "jobs": [
                {
                    "name": "phones",
                    "source": {"file": "staff.csv"},
                    "destination": {"file": "phones.csv"},
                    "object": "row",
                    "missing_at_source": "delete",
                    "remove": "all",
                    "fields": {"user": {"from": "user", "key": True}, "name": "name"},
                    "approval": POLICY,
                    **job,
                }
            ],
        }
    )


@contextmanager
def open_office(folder: Path) -> Iterator[Office]:
    """An office of two people whose phone list does not exist yet."""
    url = new_store(folder / "store.db")
    data = folder / "data"
    data.mkdir()
    with Store.open(url) as store:
        office = Office(data, store, Deployment(connections=NoConnections(), data_folder=data))
        office.staff("fry", "leela")
        yield office
