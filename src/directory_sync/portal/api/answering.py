"""What `portal` reads, as the models that the REST API answers with.

Named here is what is computed, or has another name there; the rest is taken over.
"""

from __future__ import annotations

from directory_sync.approval.people import Approver
from directory_sync.approval.request import Assignee, Decision, Request, SavedDefinition
from directory_sync.approval.waivers import usable_until
from directory_sync.definition.models import Job
from directory_sync.plan.patterns.model import Patterns
from directory_sync.portal import links
from directory_sync.portal.changes import ShownChanges
from directory_sync.portal.codes import Integrity
from directory_sync.portal.comparing import ShownComparison, ShownDifference
from directory_sync.portal.reading import RequestDetails, RequestList
from directory_sync.portal.reports import Report
from directory_sync.portal.runs import RunJob, RunView
from directory_sync.portal.standing import Standings, note
from directory_sync.portal.wire.plans import (
    ChangeAnswer,
    ChangesAnswer,
    ComparisonAnswer,
    DifferenceAnswer,
    OtherAnswer,
    PatternAnswer,
    PatternsAnswer,
    ReportAnswer,
    ReportedChangeAnswer,
    ReportedJobAnswer,
)
from directory_sync.portal.wire.requests import (
    AssigneeAnswer,
    DecisionAnswer,
    EditAnswer,
    PowersAnswer,
    RequestAnswer,
    RequestDetailsAnswer,
    RequestListAnswer,
    SavedDefinitionAnswer,
)
from directory_sync.portal.wire.runs import ProgressAnswer, RunAnswer, RunJobAnswer, StopAnswer
from directory_sync.present.definition_changes import stored_change_lines
from directory_sync.present.line import change_line
from directory_sync.present.patterns import counted_text, line_text
from directory_sync.present.shown import ShownChange
from directory_sync.printable import printable
from directory_sync.store.runs import RUNNING


def request_answer(request: Request) -> RequestAnswer:
    """One request as lists show it."""
    made = {
        "url": links.request_url(request.id),
        "waives": list(map(str, request.waives)),
        "usable_until": usable_until(request),
        "statistics": dict(request.statistics),
        "source_text": request.source,
        "destination_text": request.destination,
        "saved": None if request.saved is None else _saved(request.saved),
    }
    same = {name: getattr(request, name) for name in RequestAnswer.model_fields if name not in made}
    return RequestAnswer.model_validate(same | made)


def _saved(saved: SavedDefinition) -> SavedDefinitionAnswer:
    edits = [
        EditAnswer(
            version=edit.version,
            by=edit.by,
            at=edit.at,
            changes_job=edit.changes_job,
            weakening=list(map(str, stored_change_lines(edit.weakening))),
        )
        for edit in saved.edits
    ]
    return SavedDefinitionAnswer(version=saved.version, edits=edits)


def list_answer(page: RequestList) -> RequestListAnswer:
    """A page of a list."""
    return RequestListAnswer(
        requests=list(map(request_answer, page.requests)), next=page.next, total=page.total
    )


def _decision(decision: Decision) -> DecisionAnswer:
    person = decision.person
    return DecisionAnswer(
        person=person.name,
        roles=sorted(person.roles),
        verified=person.verified,
        approve=decision.agreed,
        reason=decision.reason,
        at=decision.at,
    )


def _assignee(assignee: Assignee, standings: Standings) -> AssigneeAnswer:
    answer = AssigneeAnswer.model_validate(assignee)
    approver = Approver(assignee.kind, assignee.name)
    if (standing := standings.get(approver)) is None:
        return answer
    told = {"known": standing.known, "able": standing.able, "note": note(approver, standing)}
    return answer.model_copy(update=told)


def details_answer(details: RequestDetails) -> RequestDetailsAnswer:
    """One request with everything about it."""
    view, plan = details.view, details.plan
    return RequestDetailsAnswer(
        request=request_answer(view.request),
        powers=PowersAnswer(
            decide=details.powers.decide, cancel=details.powers.cancel, replan=details.why_not_replan
        ),
        waiting_for=details.waiting_for,
        reachable=details.reachable,
        assignees=[_assignee(each, details.standings) for each in view.assignees],
        decisions=list(map(_decision, view.decisions)),
        events=view.events,
        destination=plan.destination,
        limits=plan.limits,
        warnings=plan.warnings,
        problems=plan.problems,
        evidence=plan.evidence,
        previous=details.previous,
        integrity=details.integrity.state,
        integrity_message=details.integrity.message,
    )


def changes_answer(page: ShownChanges) -> ChangesAnswer:
    """A page of changes."""
    return ChangesAnswer(
        changes=list(map(_change_answer, page.changes)),
        next=page.next,
        total=page.total,
        integrity=page.integrity.state,
        integrity_message=page.integrity.message,
    )


def report_answer(report: Report) -> ReportAnswer:
    """A page of a run's report."""
    checked = report.integrity
    return ReportAnswer(
        jobs=[
            ReportedJobAnswer(job=plan.job.name, plan=plan.head.id, changes=plan.head.changes)
            for plan in report.plans
        ],
        changes=[
            ReportedChangeAnswer(
                **dict(_change_answer(each.change)), job=each.plan.job.name, plan=each.plan.head.id
            )
            for each in report.changes
        ],
        total=report.total,
        next_job=report.next_job or None,
        next=report.next_after,
        integrity=Integrity.INTACT if checked is None else checked.state,
        integrity_message="" if checked is None else checked.message,
    )


def patterns_answer(patterns: Patterns | None, job: Job) -> PatternsAnswer:
    """A plan's changes by pattern."""
    if patterns is None:
        return PatternsAnswer(known=False, lines=[], other=None, total=0)
    other = patterns.other
    return PatternsAnswer(
        known=True,
        lines=[
            PatternAnswer(
                pattern=line.number + 1,
                action=line.action,
                fields=line.fields,
                moved_to=line.moved_to or "",
                marks=line.marks,
                count=line.count,
                patterns=line.patterns,
                removal=line.removal,
                identifying=line.identifying,
                common=line.common,
                examples=line.examples,
                text=printable(f"{line_text(line)}, {counted_text(line.count, job)}"),
            )
            for line in patterns.lines
        ],
        other=other and OtherAnswer.model_validate(other),
        total=patterns.total,
    )


def comparison_answer(comparison: ShownComparison) -> ComparisonAnswer:
    """A page of differences."""
    return ComparisonAnswer(
        old=comparison.old.id,
        new=comparison.new.id,
        counts=comparison.counts,
        differences=list(map(difference_answer, comparison.differences)),
        next=comparison.next,
        integrity=comparison.integrity.state,
        integrity_message=comparison.integrity.message,
    )


def difference_answer(each: ShownDifference) -> DifferenceAnswer:
    """An object that two plans treat differently."""
    return DifferenceAnswer(
        presence=each.presence,
        object=each.object,
        old=None if each.old is None else _change_answer(each.old),
        new=None if each.new is None else _change_answer(each.new),
        fields=list(each.fields),
    )


def run_answer(run: RunView) -> RunAnswer:
    """One run."""
    snapshot, origin = run.snapshot, run.snapshot.came_from
    return RunAnswer(
        collection=snapshot.collection.name,
        run_id=snapshot.run_id,
        trigger=snapshot.trigger,
        requester=snapshot.requester,
        requester_verified=snapshot.verified,
        reason=snapshot.reason,
        preview_only=snapshot.preview_only,
        started=snapshot.started,
        origin=origin.text if origin else "",
        version=snapshot.version,
        id_used_again=run.other is not None,
        ended=run.ended,
        stop=run.stop and StopAnswer.model_validate(run.stop),
        jobs=list(map(run_job_answer, run.jobs)),
    )


def run_job_answer(each: RunJob) -> RunJobAnswer:
    """One job of a run."""
    result = each.result
    return RunJobAnswer(
        job=each.job.name,
        state=each.state,
        attempt=result and result.attempt,
        message=result.message if result else "",
        statistics=result.statistics.to_json() if result and result.statistics else None,
        planned=each.planned and each.planned.to_json(),
        warnings=result.warnings if result else (),
        problems=result.problems if result else (),
        started=result and result.started,
        finished=result and result.finished,
        plan_id=result and result.plan_id,
        request=each.request and each.request.id,
        may_be_waived=each.may_be_waived,
        progress=(
            ProgressAnswer.model_validate(result.progress)
            if result and result.progress and each.state == RUNNING
            else None
        ),
    )


def _change_answer(shown: ShownChange) -> ChangeAnswer:
    change, outcome = shown.told, shown.outcome
    return ChangeAnswer(
        sequence=shown.sequence,
        action=change.action,
        key=change.key,
        name=shown.name,
        object=change.object,
        new_object=change.new_object or "",
        fields=shown.fields,
        marks=change.marks,
        text=printable(change_line(shown, planned=outcome is None)),
        result=None if outcome is None else outcome.result,
        message="" if outcome is None else outcome.message,
    )
