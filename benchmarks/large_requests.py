"""Requests to measure pages and gates with: two plans of one job with very many changes, and any number of
small requests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, insert, select

from directory_sync.approval.policy import EffectivePolicy, Reason, WhyAsked
from directory_sync.definition.loading import load_text
from directory_sync.definition.models import Collection
from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.plan.digest import plan_digest
from directory_sync.plan.model import Plan, Statistics
from directory_sync.requests import filing
from directory_sync.store.database import Database
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store
from directory_sync.store.tables import CollectionRunRow, JobRunRow, PlanRow, RequestAssigneeRow, RequestRow
from tests.scenarios import people

COLLECTION, JOB = "all_staff", "people"
APPROVER = "bea"
POLICY = EffectivePolicy.model_validate(
    {
        "approvers": {"users": [APPROVER], "roles": ["Directory Approvers"]},
        "require": "any",
        "expires": timedelta(days=3),
    }
)
JOBS_OF_A_COLLECTION = 10

_DESTINATION = "ldap://branch.example:389"
_SUFFIX = "dc=branch,dc=example"
_JOB = f"""\
  - name: {{name}}
    source: {{{{connection: head, container: "ou=People,dc=head,dc=example"}}}}
    destination: {{{{connection: branch, container: "ou=People,{_SUFFIX}"}}}}
    object: inetOrgPerson
    rdn: uid
    fields:
      uid: {{{{from: uid, key: true}}}}
      cn: cn
      sn: sn
      title: title
      mail: mail
      l: l
      carLicense: {{{{from: carLicense, secret: true}}}}
"""
_COUNTED = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.MOVE: "moved",
    Action.DISABLE: "disabled",
    Action.DELETE: "deleted",
}


@dataclass(frozen=True, slots=True)
class StaffChanges:
    """The changes of a plan, made whenever they are iterated: half of them creations, the others of all other
    kinds.

    Attributes:
        count: how many.
        different: every so many-th person gets another title than in a plan with 0 here; 0 for nobody.
    """

    count: int
    different: int = 0

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Change]:
        for number, person in enumerate(people.people(self.count)):
            other = self.different and number % self.different == 0
            yield _change(number, person, title="Director" if other else person.title)


def save_large_requests(store: Store, count: int) -> tuple[int, int]:
    """File two requests of one job with so many changes each; 1 % differ, and the second makes the first
    stale. Their numbers.
    """
    collection = collection_of(COLLECTION, [JOB])
    older = _file(store, _start(store, collection, "run 1"), JOB, StaffChanges(count))
    newer = _file(store, _start(store, collection, "run 2"), JOB, StaffChanges(count, different=100))
    return older, newer


def save_waiting_requests(store: Store, url: str, count: int) -> list[int]:
    """Requests of one change each, all waiting for the same approver, in collections of ten jobs; their
    numbers.

    Those of the first collection are filed as runs do it. The others are copies of their rows: filing
    thousands takes minutes.
    """
    jobs = [f"job_{number}" for number in range(JOBS_OF_A_COLLECTION)]
    run = _start(store, collection_of("staff_0", jobs), "run 1")
    numbers = [_file(store, run, job, StaffChanges(1)) for job in jobs]
    with closing(Database(url)) as database, database.write() as connection:
        names = [f"staff_{number}" for number in range(1, -(-count // JOBS_OF_A_COLLECTION))]
        runs = _copies(connection, CollectionRunRow, run.id, [{"collection": name} for name in names])
        for number in numbers[:]:
            request = connection.execute(select(RequestRow.__table__).where(RequestRow.id == number)).one()
            plan = connection.execute(select(PlanRow.__table__).where(PlanRow.id == request.plan_id)).one()
            attempts = _copies(
                connection, JobRunRow, plan.job_run_id, [{"collection_run_id": each} for each in runs]
            )
            plans = _copies(connection, PlanRow, plan.id, [{"job_run_id": each} for each in attempts])
            changed = [
                {"collection": name, "collection_run_id": each, "plan_id": plan_id, "live_key": uuid4().bytes}
                for name, each, plan_id in zip(names, runs, plans, strict=True)
            ]
            requests = _copies(connection, RequestRow, number, changed)
            numbers += requests
            asked = connection.execute(
                select(RequestAssigneeRow.__table__).where(RequestAssigneeRow.request_id == number)
            )
            rows = [row._asdict() | {"request_id": each} for row in asked for each in requests]
            if rows:
                connection.execute(insert(RequestAssigneeRow), rows)
    return sorted(numbers)[:count]


def _copies(
    connection: Connection, row: type[Any], original: int, changed: list[dict[str, Any]]
) -> list[int]:
    """Copies of a row, each with other values in some columns; their numbers."""
    table = row.__table__
    values = connection.execute(select(table).where(table.c.id == original)).one()._asdict()
    del values["id"]
    statement = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    return list(connection.scalars(statement, [values | each for each in changed])) if changed else []


def collection_of(name: str, jobs: list[str], *, gated: bool = False) -> Collection:
    """A collection with these jobs, which copy people from one directory into another; `gated`: all changes
    need approval.
    """
    policy = f"approval: {{approvers: {{users: [{APPROVER}]}}}}\n" if gated else ""
    text = f"name: {name}\n{policy}jobs:\n" + "".join(_JOB.format(name=job) for job in jobs)
    return load_text(text, f"{name}.yaml").collection


def _start(store: Store, collection: Collection, run_id: str) -> Snapshot:
    return store.runs.start(
        collection, run_id, trigger="manual", requester="ida", verified=True, reason="New people."
    )


def _file(store: Store, run: Snapshot, job: str, changes: StaffChanges) -> int:
    """File a request for a stored plan, as a run does it; its number."""
    name = run.collection.name
    kinds = Counter(change.action for change in changes)
    plan = Plan(
        collection=name,
        job=job,
        destination=_DESTINATION,
        changes=changes,
        digest=plan_digest(name, job, _DESTINATION, changes),
        statistics=Statistics(
            read=len(changes), **{_COUNTED[action]: number for action, number in kinds.items()}
        ),
        managed=len(changes),
    )
    plan_id = store.plans.save(store.runs.start_job(run.id, job).id, plan)
    why = Reason(WhyAsked.ALWAYS)
    return filing.file_request(
        store, run, plan_id, plan, policy=POLICY, why=why, description="Staff of the head office."
    ).id


def _change(number: int, person: people.Person, *, title: str) -> Change:
    """What becomes of one person."""
    dn = people.person_dn(person.uid, _SUFFIX)
    fields: dict[str, tuple[bytes, ...]] = {
        name: tuple(values) for name, values in person.attributes(_SUFFIX).items()
    }
    fields["title"] = (title.encode(),)
    if number % 2 == 0:
        return Change(
            Action.CREATE,
            person.uid,
            dn,
            fields=tuple(FieldChange(name, (), new) for name, new in fields.items()),
        )
    if number % 20 == 1:
        return Change(
            Action.DELETE,
            person.uid,
            dn,
            fields=tuple(FieldChange(name, old, ()) for name, old in fields.items()),
        )
    if number % 20 == 3:
        return Change(
            Action.DISABLE, person.uid, dn, fields=(FieldChange("carLicense", (b"B-DS 4711",), ()),)
        )
    updates = (FieldChange("title", (b"Trainee",), fields["title"]), FieldChange("l", (), fields["l"]))
    if number % 20 == 5:
        return Change(
            Action.MOVE, person.uid, dn, new_object=dn.replace("ou=People", "ou=Alumni"), fields=updates
        )
    return Change(Action.UPDATE, person.uid, dn, fields=updates)
