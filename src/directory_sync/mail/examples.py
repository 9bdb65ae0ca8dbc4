"""An example of each mail, made of the data of a request and of a run as they come from the store: templates
are tried with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from directory_sync.approval.people import Approver
from directory_sync.approval.request import (
    Assignee,
    Edit,
    Event,
    EventKind,
    Request,
    RequestView,
    SavedDefinition,
)
from directory_sync.approval.states import RequestState
from directory_sync.definition.models import Collection
from directory_sync.mail.audience import Letter, Recipient
from directory_sync.mail.content import content
from directory_sync.mail.links import Links
from directory_sync.mail.run_content import Cause, RunTold, run_content
from directory_sync.plan.model import LimitCheck, Statistics
from directory_sync.run.result import JobState
from directory_sync.store.run_ends import RunEnd
from directory_sync.store.run_model import StoredJobResult
from directory_sync.store.runs import RUNNING, TERMINAL, Snapshot

_AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
_LINKS = Links("https://airflow.example", "https://airflow.example/plugin/dirsync/dirsync")
_BEA, _IDA = Recipient(Approver("user", "bea")), Recipient(Approver("user", "ida"), asked_for_it=True)


def examples() -> Iterator[tuple[Letter, dict[str, Any]]]:
    """Each kind of mail with what its templates get: with everything that is optional, and without."""
    for request in (_request(), _bare_request()):
        for links in (_LINKS, Links()):
            filed = _event(EventKind.FILED)
            yield Letter.ASKED, _content(Letter.ASKED, request, filed, _BEA, links)
            yield Letter.FILED, _content(Letter.FILED, request, filed, _IDA, links)
            for kind in (EventKind.APPROVED, EventKind.DENIED, EventKind.STALE):
                over = replace(request, state=RequestState(kind.value), decided_by="bea", successor=9)
                yield Letter.OUTCOME, _content(Letter.OUTCOME, over, _event(kind), _IDA, links)
            applied = _event(EventKind.APPLIED)
            done = replace(request, state=RequestState.APPLIED, decided_by="bea")
            yield Letter.APPLIED, _content(Letter.APPLIED, done, applied, _IDA, links)
    for told in (_run(), _waiting_run(), _bare_run()):
        for links in (_LINKS, Links()):
            yield Letter.RUN, run_content(told, _BEA, links=links)


def _content(
    letter: Letter, request: Request, event: Event, recipient: Recipient, links: Links
) -> dict[str, Any]:
    asked = (Assignee("user", "bea", "policy", 0, _AT), Assignee("role", "Heads", "policy", 0, _AT))
    view = RequestView(request, asked, (), (event,))
    patterns = () if request.saved is None else _PATTERNS
    return content(letter, view, event, recipient, links=links, patterns=patterns)


_PATTERNS = ("deleted, 3 people", "created with cn, mail, sn, 2 people")


def _request() -> Request:
    return Request(
        id=7,
        collection="corp_to_lab",
        job="people",
        run_id="manual__2026-11-20T08:00:00+00:00",
        collection_run_id=3,
        plan_id=4,
        digest="0" * 64,
        policy={"approvers": {"users": ["bea"], "roles": ["Heads"]}},
        waives=(LimitCheck("delete", "", 3, 2, 40, "5%"),),
        waiver=True,
        requester="ida",
        requester_verified=True,
        requester_may_decide=False,
        asked_by="max",
        title="Corp accounts to Lab",
        source="connection corp_ad, OU=People,DC=corp,DC=example",
        destination="connection lab_ad, OU=People,DC=lab,DC=example",
        trigger="manual",
        reason="The new department.\nSee the ticket.",
        description="3 deletions.",
        statistics=Statistics(read=40, created=2, deleted=3).to_json(),
        changes=5,
        state=RequestState.PENDING,
        filed=_AT,
        expires=_AT + timedelta(days=14),
        saved=SavedDefinition(4, (Edit(4, "ida", _AT, changes_job=True, weakening=(_WEAKENED,)),)),
    )


_WEAKENED = {"code": "policy_removed", "job": "people", "weakens": True}


def _bare_request() -> Request:
    return replace(
        _request(),
        waives=(),
        waiver=False,
        asked_by="",
        title="",
        source="",
        reason="",
        description="",
        expires=None,
        saved=None,
    )


def _event(kind: EventKind) -> Event:
    data = {"state": "success_with_errors", "statistics": Statistics(created=1, errors=1).to_json()}
    return Event(1, kind, "bea", "Too many.", _AT, data)


_COLLECTION: dict[str, Any] = {
    "name": "corp_to_lab",
    "title": "Corp accounts to Lab",
    "jobs": [
        {
            "name": name,
            "source": {"file": "staff.csv"},
            "destination": {"file": "people.csv"},
            "object": "row",
            "fields": {"id": {"from": "id", "key": True}},
        }
        for name in ("people", "groups", "contacts")
    ],
}


def _run() -> RunTold:
    states = {"people": JobState.WAITING, "groups": JobState.SUCCESS_WITH_ERRORS, "contacts": JobState.FAILED}
    results = {
        "people": _result("people", JobState.WAITING, Statistics(read=40), planned=Statistics(deleted=3)),
        "groups": _result("groups", JobState.SUCCESS_WITH_ERRORS, Statistics(read=9, updated=4, errors=2)),
        "contacts": _result("contacts", JobState.FAILED, None, message="The server does not answer."),
    }
    causes = {
        "groups": (
            Cause("The server refuses it: no quota.", 12, ("cn=a,dc=lab", "cn=b,dc=lab", "cn=c,dc=lab")),
            Cause("It has another description.", 1, ("cn=d,dc=lab",), conflict=True),
        )
    }
    end = RunEnd(
        _snapshot(), JobState.FAILED, 1, {job: state.value for job, state in states.items()}, results
    )
    return RunTold(end, {"people": _request()}, causes, {"people": _PATTERNS, "groups": _PATTERNS})


def _waiting_run() -> RunTold:
    told = _run()
    snapshot = replace(told.end.snapshot, finished=None)
    return replace(told, end=replace(told.end, snapshot=snapshot, state=RUNNING))


def _bare_run() -> RunTold:
    """From a terminal, without anything to say of its jobs."""
    snapshot = replace(_snapshot(), trigger=TERMINAL, verified=False, reason="")
    jobs = [job.name for job in snapshot.collection.jobs]
    return RunTold(RunEnd(snapshot, JobState.SUCCESS, 1, dict.fromkeys(jobs, JobState.NOT_RUN.value), {}))


def _snapshot() -> Snapshot:
    return Snapshot(
        id=3,
        collection=Collection.model_validate(_COLLECTION),
        digest="0" * 64,
        run_id="manual__2026-11-20T08:00:00+00:00",
        trigger="manual",
        requester="ida",
        verified=True,
        reason="The new department.",
        preview_only=False,
        started=_AT,
        finished=_AT + timedelta(minutes=3),
    )


def _result(
    job: str,
    state: JobState,
    statistics: Statistics | None,
    *,
    planned: Statistics | None = None,
    message: str = "",
) -> StoredJobResult:
    return StoredJobResult(
        job_run_id=1,
        job=job,
        attempt=1,
        state=state.value,
        statistics=statistics,
        message=message,
        warnings=(),
        problems=(),
        started=_AT,
        finished=_AT + timedelta(seconds=40),
        host="worker",
        pid=1,
        plan_id=4,
        planned=planned,
    )
