"""What `portal` reads, as the models that the REST API answers with."""

from __future__ import annotations

from collections.abc import Iterable

from directory_sync.approval.waivers import usable_until
from directory_sync.endpoints.change import Values, value_to_json
from directory_sync.plan.model import LimitCheck, RecordProblem
from directory_sync.portal import links
from directory_sync.portal.api import models
from directory_sync.portal.changes import ShownChanges
from directory_sync.portal.comparing import ShownComparison
from directory_sync.portal.reading import RequestDetails, RequestList
from directory_sync.portal.runs import RunJob, RunView
from directory_sync.portal.standing import Standings, note
from directory_sync.present.line import change_line
from directory_sync.present.shown import ShownChange
from directory_sync.printable import printable
from directory_sync.store.request_model import Approver, Assignee, Request


def request_answer(request: Request) -> models.RequestAnswer:
    """One request as lists show it."""
    made = {
        "url": links.request_url(request.id),
        "waives": list(map(str, request.waives)),
        "usable_until": usable_until(request),
        "statistics": dict(request.statistics),
        "source_text": request.source,
        "destination_text": request.destination,
    }
    same = {name: getattr(request, name) for name in models.RequestAnswer.model_fields if name not in made}
    return models.RequestAnswer.model_validate(same | made)


def list_answer(page: RequestList) -> models.RequestListAnswer:
    """A page of a list."""
    return models.RequestListAnswer(
        requests=list(map(request_answer, page.requests)), next=page.next, total=page.total
    )


def _assignee(assignee: Assignee, standings: Standings) -> models.AssigneeAnswer:
    whom = Approver(assignee.kind, assignee.name)
    standing = standings.get(whom)
    return models.AssigneeAnswer(
        kind=assignee.kind,
        name=assignee.name,
        why=assignee.why,
        level=assignee.level,
        since=assignee.since,
        known=None if standing is None else standing.known,
        able=None if standing is None else standing.able,
        note="" if standing is None else note(whom, standing),
    )


def details_answer(details: RequestDetails) -> models.RequestDetailsAnswer:
    """One request with everything about it."""
    view, plan = details.view, details.plan
    return models.RequestDetailsAnswer(
        request=request_answer(view.request),
        powers=models.PowersAnswer(
            decide=details.powers.decide, cancel=details.powers.cancel, replan=details.hindrance_to_replan
        ),
        waiting_for=details.waiting_for,
        reachable=details.reachable,
        assignees=[_assignee(each, details.standings) for each in view.assignees],
        decisions=[
            models.DecisionAnswer(
                person=each.person,
                roles=list(each.roles),
                verified=each.verified,
                approve=each.approve,
                reason=each.reason,
                at=each.at,
            )
            for each in view.decisions
        ],
        events=[
            models.EventAnswer(
                id=each.id,
                kind=each.kind,
                actor=each.actor,
                text=each.text,
                at=each.at,
                data=None if each.data is None else dict(each.data),
            )
            for each in view.events
        ],
        destination=plan.destination,
        limits=list(map(_limit_answer, plan.limits)),
        warnings=list(plan.warnings),
        problems=_problem_answers(plan.problems),
        evidence=None
        if plan.evidence is None
        else models.EvidenceAnswer.model_validate(plan.evidence.to_json()),
        previous=details.previous,
        integrity=details.integrity.state,
        integrity_message=details.integrity.message,
    )


def changes_answer(page: ShownChanges) -> models.ChangesAnswer:
    """A page of changes."""
    return models.ChangesAnswer(
        changes=list(map(_change_answer, page.changes)),
        next=page.next,
        total=page.total,
        integrity=page.integrity.state,
        integrity_message=page.integrity.message,
    )


def comparison_answer(comparison: ShownComparison) -> models.ComparisonAnswer:
    """A page of differences."""
    counts = comparison.counts
    return models.ComparisonAnswer(
        old=comparison.old.id,
        new=comparison.new.id,
        counts=models.CountsAnswer(
            only_old=counts.only_old, only_new=counts.only_new, changed=counts.changed, same=counts.same
        ),
        differences=[
            models.DifferenceAnswer(
                presence=each.presence,
                object=each.object,
                old=None if each.old is None else _change_answer(each.old),
                new=None if each.new is None else _change_answer(each.new),
                fields=list(each.fields),
            )
            for each in comparison.differences
        ],
        next=comparison.next,
        integrity=comparison.integrity.state,
        integrity_message=comparison.integrity.message,
    )


def run_answer(run: RunView) -> models.RunAnswer:
    """One run."""
    snapshot = run.snapshot
    return models.RunAnswer(
        collection=snapshot.collection.name,
        run_id=snapshot.run_id,
        trigger=snapshot.trigger,
        requester=snapshot.requester,
        requester_verified=snapshot.verified,
        reason=snapshot.reason,
        preview_only=snapshot.preview_only,
        started=snapshot.started,
        id_used_again=run.other is not None,
        jobs=list(map(_run_job_answer, run.jobs)),
    )


def _run_job_answer(each: RunJob) -> models.RunJobAnswer:
    result = each.result
    return models.RunJobAnswer(
        job=each.job.name,
        state=each.state,
        attempt=result and result.attempt,
        message=result.message if result else "",
        statistics=result.statistics.to_json() if result and result.statistics else None,
        planned=each.planned and each.planned.to_json(),
        warnings=list(result.warnings) if result else [],
        problems=_problem_answers(result.problems) if result else [],
        started=result and result.started,
        finished=result and result.finished,
        plan_id=result and result.plan_id,
        request=each.request and each.request.id,
        may_be_waived=each.may_be_waived,
    )


def _change_answer(shown: ShownChange) -> models.ChangeAnswer:
    change, outcome = shown.told, shown.outcome
    return models.ChangeAnswer(
        sequence=shown.sequence,
        action=change.action,
        key=change.key,
        name=shown.name,
        object=change.object,
        new_object=change.new_object or "",
        fields=[
            models.FieldAnswer(
                field=field.field, old=_values(field.old), new=_values(field.new), partial=field.partial
            )
            for field in shown.fields
        ],
        marks=[models.MarkAnswer(kind=mark.kind, subject=mark.subject) for mark in change.marks],
        text=printable(change_line(shown, planned=outcome is None)),
        result=None if outcome is None else outcome.result,
        message="" if outcome is None else outcome.message,
    )


def _values(values: Values) -> list[models.Value]:
    shown = map(value_to_json, values)
    return [value if isinstance(value, str) else models.Binary(base64=value["base64"]) for value in shown]


def _limit_answer(limit: LimitCheck) -> models.LimitAnswer:
    return models.LimitAnswer(
        kind=limit.kind,
        subject=limit.subject,
        planned=limit.planned,
        base=limit.base,
        recent=limit.recent,
        allowed=limit.allowed,
        limit=limit.limit,
        exceeded=limit.exceeded,
    )


def _problem_answers(problems: Iterable[RecordProblem]) -> list[models.ProblemAnswer]:
    return [models.ProblemAnswer(key=each.key, object=each.object, message=each.message) for each in problems]
