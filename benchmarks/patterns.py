"""Changes by pattern: what summing 100,000 changes up adds to storing the plan."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from unittest.mock import patch

from benchmarks.databases import databases
from benchmarks.frame import Aim, Options, Result, Sample
from benchmarks.large_requests import COLLECTION, JOB, StaffChanges, collection_of
from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.garbage import rare_collection
from directory_sync.plan.canonical import StoredForm
from directory_sync.plan.digest import plan_digest
from directory_sync.plan.model import COUNTED_AS, Plan, Statistics
from directory_sync.plan.spool import Spool, SpooledChanges, pack_finished
from directory_sync.store import plans
from directory_sync.store.store import Store

_CHANGES = 100_000
_DESTINATION = "ldap://branch.example:389"
_AIM = Aim(ratio=1.15)


class _Nothing:
    """Stands for the patterns where none are made."""

    def __init__(self, *given: object) -> None:
        """Take what the others take."""

    def passing(self, forms: Iterator[StoredForm]) -> Iterator[StoredForm]:
        """Let changes pass."""
        return forms

    def finish(self, digest: str) -> None:
        """Nothing was made."""


def measure(options: Options) -> list[Result]:
    """Seconds to store a plan, with and without its patterns."""
    found = []
    for name, url in databases():
        with Store.open(url) as store:
            for work, changes in (("edits", _edits(_CHANGES)), ("all kinds", iter(StaffChanges(_CHANGES)))):
                options.say(f"patterns: {name}, {work}")
                plan = _plan(changes)
                runs, floors = [], []
                for number in range(options.repeat):
                    runs.append(_stored(store, plan, f"{work} {number}"))
                    with (
                        patch.object(plans, "SavedPatterns", _Nothing),
                        patch.object(plans, "insert_patterns", lambda connection, row: None),
                    ):
                        floors.append(_stored(store, plan, f"{work} {number} without"))
                more = min(one.client_cpu for one in runs) - min(one.client_cpu for one in floors)
                found.append(
                    Result(
                        work=f"Store a plan of {_CHANGES:,} changes ({work}) with its patterns, {name}",
                        floor_is="the same without patterns",
                        aim=_AIM,
                        runs=runs,
                        floors=floors,
                        facts=(f"{more:.2f} s of processor time more.",),
                        bound="Looking at each value in Python, change by change.",
                    )
                )
    return found


def _stored(store: Store, plan: Plan, run_id: str) -> Sample:
    run = store.runs.start(
        collection_of(COLLECTION, [JOB]), run_id, trigger="manual", requester="ida", verified=True, reason=""
    )
    attempt = store.runs.start_job(run.id, JOB)
    begin, processor = time.perf_counter(), time.process_time()
    with rare_collection():
        store.plans.save(attempt.id, plan)
    return Sample(time.perf_counter() - begin, time.process_time() - processor)


def _plan(changes: Iterator[Change]) -> Plan:
    spool, places, kinds = Spool(), [], Counter[Action]()
    for change in changes:
        kinds[change.action] += 1
        places.append(spool.append(pack_finished(change, "", lambda field: field == "carLicense")))
    spool.flush()
    spooled = SpooledChanges(spool, places)
    figures = {COUNTED_AS[action]: number for action, number in kinds.items()}
    return Plan(
        collection=COLLECTION,
        job=JOB,
        destination=_DESTINATION,
        changes=spooled,
        digest=plan_digest(COLLECTION, JOB, _DESTINATION, spooled),
        statistics=Statistics(read=len(places), **figures),
        managed=len(places),
    )


def _edits(count: int) -> Iterator[Change]:
    """Two fields of each person: another mail address, and a suffix."""
    for number in range(count):
        uid, department = f"p{number:06}", f"{number % 900}"
        fields = (
            FieldChange("mail", (f"{uid}@old.example".encode(),), (f"{uid}@new.example".encode(),)),
            FieldChange("departmentNumber", (department.encode(),), (f"{department}-N".encode(),)),
        )
        yield Change(Action.UPDATE, uid, f"uid={uid},ou=People,dc=x", fields=fields, name=f"Person {number}")
