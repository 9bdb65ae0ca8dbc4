"""A store with runs, plans and requests in every state, and the portal's pages over it without Airflow's
login.

Run as a program it serves the pages: `python -m tests.scenarios.portal_pages PORT`; the cookie `person` says
who looks.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Collection as Names
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request

from directory_sync.approval.people import Approver, Person
from directory_sync.approval.policy import EffectivePolicy, Reason, WhyAsked
from directory_sync.approval.request import MessageCode
from directory_sync.definition.models import Approvers, Collection
from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from directory_sync.plan.digest import plan_digest
from directory_sync.plan.model import LimitCheck, Plan, PlanEvidence, RecordProblem, Statistics
from directory_sync.portal.run_in_airflow import UNTOLD as NOT_TOLD
from directory_sync.portal.run_in_airflow import RunInAirflow
from directory_sync.portal.standing import UNTOLD, Standing, Standings
from directory_sync.requests import decisions, filing
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store
from tests.scenarios.evidence import evidence_of
from tests.scenarios.mail import of_request
from tests.scenarios.new_store import new_store

BEA = Person("bea", frozenset({"Directory Approvers"}), verified=True)
IDA = Person("ida", frozenset({"Op"}), verified=True)
ADA = Person("ada", frozenset({"Admin"}), verified=True)
NOBODY = Person("anonymous", frozenset(), verified=False)
PEOPLE = {person.name: person for person in (BEA, IDA, ADA, NOBODY)}

HOSTILE = "<script>alert(1)</script>\u202egnp.exe\x1b[2J\x00"
LONG = ("The quick brown fox jumps over the lazy dog. " * 24_000)[:1_048_576]
POLICY = EffectivePolicy.model_validate(
    {
        "approvers": {"users": ["bea", "carl"], "roles": ["Directory Approvers"]},
        "require": "any",
        "expires": timedelta(days=3),
        "escalation": {"after": timedelta(hours=8), "levels": [{"users": ["dora"]}]},
    }
)
_KINDS = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.MOVE: "moved",
    Action.DISABLE: "disabled",
    Action.DELETE: "deleted",
}


_WRITTEN = ("success", "conflicts", "running")


@dataclass(frozen=True)
class AllRights:
    """What Airflow would let somebody do, without Airflow.

    Attributes:
        hidden: collections that they may not see.
        start: they may start runs.
        logs: they may read the logs of tasks.
        told: what it tells of others; of those who are not named there nothing.
        run: what it tells of every run.
        known: names of users and of roles that it knows.
    """

    hidden: frozenset[str] = frozenset()
    start: bool = True
    logs: bool = True
    told: Mapping[Approver, Standing] = field(default_factory=dict)
    run: RunInAirflow = NOT_TOLD
    known: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    def names(self, most: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """At most so many of each."""
        return self.known[0][:most], self.known[1][:most]

    def readable(self, dag_ids: Names[str]) -> frozenset[str]:
        """All but the hidden ones."""
        return frozenset(dag_ids) - self.hidden

    def may_start(self, dag_id: str) -> bool:
        """The same for every DAG."""
        return self.start

    def may_switch(self, dag_id: str) -> bool:
        """As for starting."""
        return self.start

    def may_read_logs(self, dag_id: str) -> bool:
        """Of every DAG, unless they may read none."""
        return self.logs

    def standings(self, approvers: Names[Approver], dag_id: str) -> Standings:
        """The same for every DAG."""
        return {each: self.told.get(each, UNTOLD) for each in approvers}

    def run_of(self, dag_id: str, run_id: str) -> RunInAirflow:
        """The same of every run."""
        return self.run


@dataclass
class Pages:
    """A store and an app with the portal at `/dirsync`, as Airflow mounts it.

    Attributes:
        person: who looks, where no cookie `person` says otherwise; `rights` what Airflow lets them do.
        signed_in: False once the session has ended.
    """

    store: Store
    person: Person = BEA
    rights: AllRights = field(default_factory=AllRights)
    signed_in: bool = True

    def app(self) -> FastAPI:
        """The app that a test client or a server takes."""
        from directory_sync.portal.access import Visitor, current_visitor
        from directory_sync.portal.app import create_app
        from directory_sync.portal.storage import current_store

        def visitor(request: Request) -> Visitor:
            if not self.signed_in:
                raise HTTPException(401, "Not authenticated")
            person = PEOPLE.get(request.cookies.get("person", ""), self.person)
            return Visitor(person, "Admin" in person.roles, self.rights)

        portal = create_app()
        portal.dependency_overrides[current_visitor] = visitor
        portal.dependency_overrides[current_store] = lambda: self.store
        outer = FastAPI()
        outer.mount("/dirsync", portal)
        return outer

    def run(
        self, run_id: str, *, name: str = "staff_to_branch", requester: str = "ida", **given: Any
    ) -> Snapshot:
        """A run that has begun."""
        trigger = "manual" if requester else "scheduled"
        reason = given.pop("reason", "New people from the merger.")
        return self.store.runs.start(
            collection(name),
            run_id,
            trigger=trigger,
            requester=requester,
            verified=bool(requester),
            reason=reason,
            **given,
        )

    def plan(
        self,
        run: Snapshot,
        changes: Sequence[Change],
        *,
        job: str = "people",
        state: str = "waiting",
        **given: Any,
    ) -> int:
        """A stored plan, with its job attempt finished in a state."""
        made = plan(run.collection.name, job, changes, **given)
        attempt = self.store.runs.start_job(run.id, job)
        plan_id = self.store.plans.save(attempt.id, made)
        if state != "running":
            self.store.runs.finish_job(
                attempt.id,
                state,
                statistics=made.statistics
                if state in _WRITTEN
                else replace(made.statistics, **dict.fromkeys(_KINDS.values(), 0)),
                planned=None if state in _WRITTEN else made.statistics,
                warnings=made.warnings,
                problems=made.problems,
                message=given.get("message", ""),
            )
        return plan_id

    def request(self, run: Snapshot, plan_id: int, *, policy: EffectivePolicy = POLICY) -> int:
        """A request for a plan, filed as a run does it."""
        stored = self.store.plans.load(plan_id).plan
        why = Reason(WhyAsked.ALWAYS)
        return filing.file_request(
            self.store,
            run,
            plan_id,
            stored,
            policy=policy,
            why=why,
            description="Staff of the head office into the branch's directory.",
        ).id

    def digest(self, request_id: int) -> str:
        """The digest that an approval has to name."""
        return self.store.requests.get(request_id).request.digest


def new_pages(folder: Path) -> Pages:
    """Pages over an empty store in a folder."""
    url = new_store(folder / "store.db")
    return Pages(Store.open(url))


def collection(name: str = "staff_to_branch") -> Collection:
    """A collection with three jobs; `pin` of its people is secret."""
    people = {
        "name": "people",
        "object": "user",
        "source": {"connection": "head", "container": "ou=people,dc=head"},
        "destination": {"connection": "branch", "container": "ou=people,dc=branch"},
        "fields": {
            "cn": {"from": "cn", "key": True},
            "sn": "sn",
            "mail": "mail",
            "pin": {"from": "pin", "secret": True},
        },
    }
    groups = {**people, "name": "groups", "object": "group", "fields": {"cn": {"from": "cn", "key": True}}}
    phones = {
        "name": "phone_list",
        "object": "row",
        "source": {"file": "staff.csv"},
        "destination": {"file": "phones.csv"},
        "fields": {"user": {"from": "user", "key": True}, "phone": "phone"},
    }
    return Collection.model_validate(
        {"name": name, "title": "Staff to branch office", "jobs": [people, groups, phones]}
    )


def plan(name: str, job: str, changes: Sequence[Change], **given: Any) -> Plan:
    """A plan with the statistics that its changes have."""
    counts = {key: sum(change.action is action for change in changes) for action, key in _KINDS.items()}
    destination = "ldap://branch.example:389"
    return Plan(
        collection=name,
        job=job,
        destination=destination,
        changes=changes,
        digest=plan_digest(name, job, destination, changes),
        statistics=Statistics(read=480, unchanged=460, **counts),
        managed=470,
        problems=given.get("problems", ()),
        warnings=given.get("warnings", ()),
        evidence=given.get("evidence", PlanEvidence(evidence_of(entries=480), evidence_of(entries=470))),
        limits=given.get("limits", (LimitCheck("delete+disable+move", "", 3, 470, 23, "[5%, 500]"),)),
    )


def changes(*, updates: int = 12) -> tuple[Change, ...]:
    """Changes of every kind, with values of every kind."""

    def dn(name: str, unit: str = "people") -> str:
        return f"cn={name},ou={unit},dc=branch,dc=example"

    def value(*texts: str) -> tuple[bytes, ...]:
        return tuple(text.encode() for text in texts)

    return (
        *(
            Change(
                Action.UPDATE,
                f"person{number:03}",
                dn(f"person{number:03}"),
                fields=(
                    FieldChange(
                        "displayName",
                        value(f"Person {number} from Sales Department"),
                        value(f"Person {number} from Marketing Department"),
                    ),
                    FieldChange("telephoneNumber", (), value("+1 212 555 0100")),
                ),
            )
            for number in range(updates)
        ),
        Change(
            Action.UPDATE,
            "hermes",
            dn("Hermes Conrad"),
            fields=(
                FieldChange(
                    "mail",
                    value("hermes@head.example", "conrad@head.example", "bureaucrat@head.example"),
                    value("hermes@head.example", "hermes.conrad@head.example", "bureaucrat@head.example"),
                ),
                FieldChange(
                    "jpegPhoto", (b"\xff\xd8\xff" + bytes(20_000),), (b"\xff\xd8\xff" + bytes(31_234),)
                ),
                FieldChange("pin", (b"1234",), (b"secret-pin-4711",)),
                FieldChange("description", value("Grade 36 bureaucrat, on leave"), ()),
            ),
        ),
        Change(
            Action.UPDATE,
            HOSTILE.replace("\x00", ""),
            dn("Mallory"),
            fields=(
                FieldChange(
                    "cn",
                    value("Mallory"),
                    value(HOSTILE.replace("\x00", "") + "<img src=x onerror=alert(2)>"),
                ),
                FieldChange(
                    "info",
                    value("line one\nline two\ttab"),
                    value("line one\nline 2\ttab\u200b\u2066evil\u2069 שלום עולם"),
                ),
                FieldChange(
                    "comment",
                    value(LONG),
                    value(LONG.replace("lazy dog. The quick", "lazy cat. The quick", 1)),
                ),
            ),
        ),
        Change(
            Action.UPDATE,
            "crew",
            dn("crew", "groups"),
            fields=(
                FieldChange(
                    "member",
                    value(*(dn(f"old{n}") for n in range(3))),
                    value(*(dn(f"new{n}") for n in range(60))),
                    partial=True,
                ),
            ),
        ),
        Change(
            Action.MOVE,
            "amy",
            dn("Amy Wong"),
            new_object=dn("Amy Wong", "alumni"),
            fields=(FieldChange("ou", value("people"), value("alumni")),),
        ),
        Change(
            Action.DISABLE,
            "kif",
            dn("Kif Kroker"),
            fields=(FieldChange("userAccountControl", value("512"), value("514")),),
        ),
        Change(
            Action.CREATE,
            "leela",
            dn("Turanga Leela"),
            fields=(
                FieldChange("objectClass", (), value("top", "person", "inetOrgPerson")),
                FieldChange("cn", (), value("Turanga Leela")),
                FieldChange("sn", (), value("Leela")),
            ),
        ),
        *(
            Change(
                Action.DELETE,
                name,
                dn(name),
                fields=(
                    FieldChange("cn", value(name), ()),
                    FieldChange("mail", value(f"{name}@head.example"), ()),
                ),
            )
            for name in ("zapp", "nixon", "morbo")
        ),
    )


def furnish(pages: Pages) -> dict[str, int]:
    """Requests in every state, and runs; their numbers by what they show."""
    store, made = pages.store, {}
    bulk = [Change(Action.DELETE, f"old{n}", f"cn=old{n},dc=x") for n in range(140)]
    over = LimitCheck("delete+disable+move", "", 140, 470, 23, "[5%, 500]")

    run = pages.run("manual__2026-11-18", name="hr_feed", requester="")
    made["denied"] = pages.request(run, pages.plan(run, bulk, limits=(over,), state="denied"))
    decisions.comment(store, made["denied"], ADA, "Was the export complete? 140 deletions look wrong to me.")
    decisions.deny(
        store,
        made["denied"],
        BEA,
        digest=pages.digest(made["denied"]),
        reason="The HR export was cut off.\nRun it again after the fix.",
    )

    run = pages.run("manual__2026-11-19", name="contacts")
    made["applied"] = pages.request(
        run, plan_id := pages.plan(run, changes(updates=2), state="conflicts", evidence=None)
    )
    decisions.approve(store, made["applied"], BEA, digest=pages.digest(made["applied"]))
    store.approvals.claim(made["applied"], expected_digest=pages.digest(made["applied"]))
    store.plans.record_outcomes(
        plan_id,
        [
            Outcome(0, Result.DONE),
            Outcome(1, Result.FOUND_DONE),
            Outcome(
                2,
                Result.CONFLICT,
                "mail has changed since the plan was made: it holds conrad@new.example now. Run the job"
                " again.",
            ),
            Outcome(
                3,
                Result.FAILED,
                "The server refuses the value of cn (constraintViolation). Correct the source record.",
            ),
        ],
    )
    store.approvals.mark_applied(
        made["applied"],
        {
            "state": "conflicts",
            "message": "Done, but 1 object had changed meanwhile and was left alone. Run the job again.",
            "statistics": Statistics(updated=2, conflicts=1, errors=1).to_json(),
            "run_id": "x",
        },
    )

    run = pages.run("manual__2026-11-20")
    made["stale"] = pages.request(run, pages.plan(run, changes(updates=20)[3:], state="stale"))
    run = pages.run(
        "manual__2026-11-21", reason="New people from the merger; <b>please</b> look at the moves."
    )
    made["pending"] = pages.request(
        run,
        pages.plan(
            run,
            changes(),
            limits=(
                LimitCheck("delete+disable+move", "", 5, 470, 23, "[5%, 500]"),
                LimitCheck("clear", "description", 19, 470, 20, "10%"),
                LimitCheck("members", "cn=crew,ou=groups,dc=branch,dc=example", 3, 40, 20, "50%"),
            ),
            warnings=("The source has two records with the key fry; neither was taken.",),
            problems=(
                RecordProblem(
                    "fry", "cn=fry,ou=people,dc=head", "Two source records have this key. Remove one."
                ),
                RecordProblem("zoidberg", "line 12", "sn is mandatory and empty. Fill it in at the source."),
            ),
        ),
    )
    decisions.comment(store, made["pending"], IDA, "The moves are on purpose: they left the company.")
    asked = store.requests.get(made["pending"]).events[0].id
    store.outbox.record_mail(of_request(made["pending"], "please_decide", asked), ["bea@corp.example"])
    attempt = store.runs.start_job(run.id, "groups")
    store.runs.finish_job(
        attempt.id,
        "success",
        statistics=Statistics(read=20, updated=3, unchanged=17),
        message="Done.",
        code=MessageCode.DONE,
    )

    run = pages.run("manual__2026-11-22", name="legacy_cleanup")
    made["waiver"] = pages.request(run, pages.plan(run, bulk, limits=(over,), state="waiting"))
    run = pages.run("manual__2026-11-23", name="contractors", requester="")
    made["cancelled"] = pages.request(run, pages.plan(run, changes(updates=1)[:1], state="cancelled"))
    decisions.cancel(store, made["cancelled"], ADA, administrator=True, reason="Not needed any more.")
    run = pages.run("manual__2026-11-24", name="stopped")
    made["stopped"] = pages.plan(run, bulk, limits=(over,), state="stopped_by_limit")
    run = pages.run("manual__2026-11-25", name="running")
    pages.plan(run, changes(updates=3), state="running")
    for number in range(4):
        run = pages.run(f"scheduled__{number}", name=f"branch_{number}", requester="")
        made[f"branch_{number}"] = pages.request(run, pages.plan(run, changes(updates=number)[: number + 1]))
    two = POLICY.model_copy(update={"require": 2, "approvers": Approvers(users=["bea", "carl"])})
    run = pages.run("manual__2026-11-26", name="payroll")
    made["two"] = pages.request(run, pages.plan(run, changes(updates=5)), policy=two)
    return made


def main() -> None:
    """Serve the pages until interrupted."""
    import uvicorn

    with tempfile.TemporaryDirectory() as folder:
        pages = new_pages(Path(folder))
        print(furnish(pages), flush=True)
        uvicorn.run(
            replace(pages, person=BEA).app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning"
        )


if __name__ == "__main__":
    main()
