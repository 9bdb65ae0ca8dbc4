"""What a run does with the plan that it has made: apply it, stop at a limit, ask for approval, or refer to a
request that is there already.

Pure: `earlier_requests` gathers what it depends on, `job` does what it says, `verdict_text` puts it in words,
and a preview shows it without doing anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from directory_sync.approval.eligibility import could_be_asked
from directory_sync.approval.people import Approver, named, same_person
from directory_sync.approval.policy import EDITED, SCHEDULED, EffectivePolicy, Reason, needs_approval
from directory_sync.approval.request import Edit, Request
from directory_sync.approval.states import RequestState
from directory_sync.approval.waivers import WAIVER_LASTS
from directory_sync.plan.model import Plan, same_limits
from directory_sync.run.policies import JobRules
from directory_sync.store.runs import TERMINAL


@dataclass(frozen=True, slots=True)
class Start:
    """How a run began, as far as a verdict depends on it.

    Attributes:
        run: its number in the store; None for one that does not exist, such as a preview asks about.
        trigger: what started it.
        requester: who started it; empty for the schedule.
        by_hand: a person has made the job run in a run that others started; see `replanning`.
        gated: the run waits for an approval.
        edited: the job was never applied as it is defined now.
        edits: versions of the job that no one but the person who saved them has approved.
    """

    run: int | None
    trigger: str
    requester: str
    by_hand: bool = False
    gated: bool = True
    edited: bool = False
    edits: tuple[Edit, ...] = ()

    @property
    def at_terminal(self) -> bool:
        """Whether it was started from a terminal."""
        return self.trigger == TERMINAL


FROM_TERMINAL = Start(None, TERMINAL, "")
"""A run that is begun in a terminal, by a user whose name is not known."""


@dataclass(frozen=True, slots=True)
class ApprovedWaiver:
    """An approved request that waives limits for exactly this plan.

    Attributes:
        people: who have decided it.
        age: since it was approved; None if the store does not say.
    """

    request: Request
    people: tuple[str, ...]
    age: timedelta | None


@dataclass(frozen=True, slots=True)
class EarlierRequests:
    """The requests of the job that bear on a plan.

    Attributes:
        waiver: lets exactly this plan go past limits, if it counts.
        asked: waits for a decision, or is approved for exactly this plan and about to be applied.
        denied: the last word about exactly this plan; `denial` is the reason that was given.
    """

    waiver: ApprovedWaiver | None = None
    asked: Request | None = None
    denied: Request | None = None
    denial: str = ""


class WhyUnused(StrEnum):
    """Why an approved waiver does not count."""

    NEEDS_AIRFLOW = "needs_airflow"
    """It belongs to a run of Airflow, and no one has checked who started this run."""
    POLICY_CHANGED = "policy_changed"
    OTHER_LIMITS = "other_limits"
    """The plan goes past limits that it does not name."""
    TOO_OLD = "too_old"
    SAME_RUN = "same_run"
    """Only a new run makes use of it."""
    STARTED_BY_APPROVER = "started_by_approver"


@dataclass(frozen=True, slots=True)
class UnusedWaiver:
    """A waiver that does not count, and why; `person`: the approver who started the run."""

    request: Request
    why: WhyUnused
    person: str = ""


class WhyStop(StrEnum):
    """Why nothing is written, and no one is asked."""

    OVER_LIMIT = "over_limit"
    NOTHING_WAITS = "nothing_waits"
    """The plan needs approval, and nothing in the run would wait for it."""


@dataclass(frozen=True, slots=True)
class Apply:
    """The plan is applied. `waiver`: the request that lets it go past limits."""

    waiver: Request | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """Nothing is written. `unused`: a waiver for exactly this plan that does not count."""

    why: WhyStop
    unused: UnusedWaiver | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Approval is asked for.

    Attributes:
        policy: the one that counts.
        why: why the plan needs approval.
        approvers: who is asked first: those of the people named by the policy who could decide this.
    """

    policy: EffectivePolicy
    why: Reason
    approvers: tuple[Approver, ...]


@dataclass(frozen=True, slots=True)
class ReferTo:
    """A request for the same changes is pending, about to be applied, or denied: nothing is asked again.

    `denial`: the reason that was given for a denial.
    """

    request: Request
    denial: str = ""


Verdict = Apply | Stop | Ask | ReferTo


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run that begins now would do with a plan that was only previewed."""

    start: Start
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """As in the report of a preview."""
        return {"trigger": self.start.trigger, **_verdict_to_json(self.verdict)}


def _verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    match verdict:
        case Apply(waiver=waiver):
            return {"would": "apply"} | ({} if waiver is None else {"request": waiver.id})
        case Stop(why=why, unused=unused):
            stop = {"would": "stop", "why": why.value}
            if unused is None:
                return stop
            return stop | {"unused_waiver": {"request": unused.request.id, "why": unused.why.value}}
        case Ask(why=why, approvers=approvers):
            return {
                "would": "ask",
                "why": why.rule.value,
                "changes": list(why.changes),
                "fields": list(why.fields),
                "approvers": [{"kind": each.kind, "name": each.name} for each in approvers],
            }
        case ReferTo(request=request):
            return {"would": "refer_to", "request": request.id, "state": request.state}


def decide(
    plan: Plan,
    rules: JobRules,
    start: Start,
    earlier: EarlierRequests,
    *,
    canonical: Callable[[str], str] = str,
) -> Verdict:
    """What the run does with its plan. `canonical`: the destination's own spelling of a field's name.

    In this order: a waiver that counts lets the plan pass; a limit stops it, unless the policy asks for
    plans over a limit; a plan that needs no approval is applied; one that does is asked for once.
    """
    waiver, unused = earlier.waiver, None
    if plan.exceeded and waiver is not None and _is_approved_waiver(waiver.request, plan):
        unused = _why_unused(waiver, plan, rules, start)
        if unused is None:
            return Apply(waiver.request)
    why = _needs_approval(plan, rules, start, canonical)
    if plan.exceeded and (why is None or not rules.asks_over_limit):
        return Stop(WhyStop.OVER_LIMIT, unused)
    if why is None or rules.policy is None:
        return Apply()
    if not start.gated:
        return Stop(WhyStop.NOTHING_WAITS)
    asked, denied = earlier.asked, earlier.denied
    if asked is not None and _answers(asked, plan, rules, start):
        return ReferTo(asked)
    # A run by hand asks again all the same.
    if denied is not None and start.trigger == SCHEDULED and _is_denial(denied, plan, rules):
        return ReferTo(denied, earlier.denial)
    approvers = could_be_asked(
        named(rules.policy.approvers, rules.policy.all_of),
        rules.policy,
        start.requester,
        edits=start.edits,
    )
    return Ask(rules.policy, why, approvers)


def _needs_approval(
    plan: Plan, rules: JobRules, start: Start, canonical: Callable[[str], str]
) -> Reason | None:
    if rules.policy is None:
        return None
    # What no one has agreed to since the job was edited is not the schedule's doing alone.
    trigger = EDITED if start.trigger == SCHEDULED and start.edited else start.trigger
    return needs_approval(rules.policy, plan, trigger=trigger, exceeded=plan.exceeded, canonical=canonical)


def _why_unused(waiver: ApprovedWaiver, plan: Plan, rules: JobRules, start: Start) -> UnusedWaiver | None:
    request = waiver.request

    def because(why: WhyUnused, person: str = "") -> UnusedWaiver:
        return UnusedWaiver(request, why, person)

    if start.at_terminal and request.trigger != TERMINAL:
        return because(WhyUnused.NEEDS_AIRFLOW)
    forbidding = rules.policy and rules.policy.model_copy(update={"self_approval": "forbid"})
    if forbidding is not None and request.rules != forbidding:
        return because(WhyUnused.POLICY_CHANGED)
    if not {limit.asked for limit in plan.exceeded} <= {limit.asked for limit in request.waives}:
        return because(WhyUnused.OTHER_LIMITS)
    if waiver.age is not None and waiver.age > WAIVER_LASTS:
        return because(WhyUnused.TOO_OLD)
    if request.collection_run_id == start.run or start.by_hand:
        return because(WhyUnused.SAME_RUN)
    if start.trigger != SCHEDULED:
        for person in waiver.people:
            if same_person(person, start.requester):
                return because(WhyUnused.STARTED_BY_APPROVER, person)
    return None


def _is_approved_waiver(request: Request, plan: Plan) -> bool:
    return request.waiver and request.state == RequestState.APPROVED and request.digest == plan.digest


def _answers(asked: Request, plan: Plan, rules: JobRules, start: Start) -> bool:
    """Whether what an earlier run has asked for is this very plan."""
    if (
        asked.state not in (RequestState.PENDING, RequestState.APPROVED)
        or asked.collection_run_id == start.run
    ):
        return False
    if asked.trigger == TERMINAL and not start.at_terminal:
        return False  # no one may come back to that terminal, while this run applies what it asks for
    return _same_question(asked, plan, rules)


def _is_denial(denied: Request, plan: Plan, rules: JobRules) -> bool:
    return denied.state == RequestState.DENIED and _same_question(denied, plan, rules)


def _same_question(asked: Request, plan: Plan, rules: JobRules) -> bool:
    """Whether a request is for this plan, filed under the same policy, and lets the same limits pass."""
    return (
        asked.digest == plan.digest
        and asked.rules == rules.policy
        and same_limits(asked.waives, plan.exceeded)
    )
