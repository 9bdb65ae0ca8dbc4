"""A verdict in words: for the result of a run, and for a preview."""

from __future__ import annotations

from directory_sync.approval.policy import SCHEDULED
from directory_sync.approval.states import RequestState
from directory_sync.approval.waivers import WAIVER_LASTS
from directory_sync.requests.texts import approver_text, reason_text
from directory_sync.run.verdict import (
    Apply,
    Ask,
    Forecast,
    ReferTo,
    Stop,
    UnusedWaiver,
    WhyStop,
    WhyUnused,
)
from directory_sync.store.runs import TERMINAL


def unused_text(unused: UnusedWaiver) -> str:
    """Why an approved waiver does not count, and what to do."""
    refusal = {
        WhyUnused.NEEDS_AIRFLOW: (
            f"it belongs to run {unused.request.run_id} of Airflow, and who started this run is not"
            " verified. Run the job in Airflow."
        ),
        WhyUnused.POLICY_CHANGED: "under a policy that has been changed since. Ask for it again.",
        WhyUnused.OTHER_LIMITS: (
            "not all that this plan goes past: they were changed since. Ask for it again."
        ),
        WhyUnused.TOO_OLD: f"it was approved more than {WAIVER_LASTS.days} days ago. Ask for it again.",
        WhyUnused.SAME_RUN: (
            "only a new run makes use of it, and this one was made to go on by hand. Start a new run."
        ),
        WhyUnused.STARTED_BY_APPROVER: (
            f"{unused.person}, who has approved it, has also started this run. Someone else has to start it."
        ),
    }[unused.why]
    return f"Request {unused.request.id} waives limits, but {refusal}"


def nothing_waits_text(job: str) -> str:
    """Why a job that needs approval cannot be run here."""
    return (
        f"Job {job} needs approval now, but nothing in this run would wait for it: it began before the policy"
        " did. Nothing was written. Start a new run."
    )


def referred_text(verdict: ReferTo) -> str:
    """What an earlier request says about the same changes, as the result of a run."""
    request = verdict.request
    if request.state != RequestState.DENIED:
        stands = (
            "are approved, and about to be applied"
            if request.state == RequestState.APPROVED
            else "wait for approval already"
        )
        return f"The same changes {stands}: request {request.id} of run {request.run_id}. Nothing was filed."
    return (
        f"The same changes were denied{_by(verdict)}: request {request.id} of run {request.run_id}. Nothing"
        " was filed or written. To ask for them again, start a run by hand."
        + (f" Reason of the denial: {verdict.denial}" if verdict.denial else "")
    )


def forecast_text(forecast: Forecast) -> str:
    """What a run that begins now would do; empty where the preview itself says it."""
    run = {TERMINAL: "A run from this terminal", SCHEDULED: "A scheduled run"}.get(
        forecast.start.trigger, "A run in Airflow, started by hand,"
    )
    match forecast.verdict:
        case Apply(waiver=None) | Stop(why=WhyStop.OVER_LIMIT, unused=None):
            return ""
        case Apply(waiver=waiver):
            assert waiver is not None
            return f"{run} would apply this plan: request {waiver.id} waives the limits for it."
        case Stop(unused=unused):
            if unused is not None:
                return unused_text(unused)
            return f"{run} would stop: the plan needs approval, and nothing would wait for it."
        case Ask(why=why, approvers=approvers):
            names = list(map(approver_text, approvers))
            asks = f"ask {_and(names)} for approval" if names else "ask for approval"
            missing = "" if names else " No one that the policy names may give it."
            return f"{run} would {asks}. {reason_text(why)}{missing}"
        case ReferTo(request=request) as referred:
            if request.state == RequestState.DENIED:
                return (
                    f"{run} would write nothing and ask no one: the same changes were denied{_by(referred)}"
                    f" (request {request.id})."
                )
            stands = (
                "approved already"
                if request.state == RequestState.APPROVED
                else "waiting for approval already"
            )
            return f"{run} would ask no one: the same changes are {stands} (request {request.id})."


def _by(verdict: ReferTo) -> str:
    return f" by {verdict.request.decided_by}" if verdict.request.decided_by else ""


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
