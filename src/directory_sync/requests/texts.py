"""The findings of the approval rules in words, for the people who ask and are asked. The rules themselves, in
`approval`, give codes and facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from directory_sync.approval.eligibility import Refusal, WhyNot
from directory_sync.approval.escalation import Unfound, WhyUnfound
from directory_sync.approval.people import Approver
from directory_sync.approval.policy import Reason, WhyAsked
from directory_sync.approval.quorum import MissingPart, MissingPeople, Pending
from directory_sync.approval.states import RequestState


def approver_text(approver: Approver) -> str:
    """A user by name, or who has a role."""
    return approver.name if approver.kind == "user" else f"someone with the role {approver.name}"


def reason_text(reason: Reason) -> str:
    """Why a plan needs approval."""
    found = [
        *([f"has changes of the kind {', '.join(reason.changes)}"] if reason.changes else []),
        *([f"touches {', '.join(reason.fields)}"] if reason.fields else []),
    ]
    rule = _rule_text(reason)
    return f"{rule} The plan {' and '.join(found)}." if found else rule


def _rule_text(reason: Reason) -> str:
    match reason.rule:
        case WhyAsked.ALWAYS:
            return "The job's changes always need approval."
        case WhyAsked.BY_HAND:
            return "Runs that the schedule did not start need approval."
        case WhyAsked.EDITED:
            return (
                "The job is new or was edited, so its first run needs approval, also if the schedule has"
                " started it."
            )
        case WhyAsked.OVER_LIMIT:
            return f"Plans over a limit need approval ({'; '.join(map(str, reason.exceeded))})."


def refusal_text(refusal: Refusal) -> str:
    """Why someone may not decide, told to them."""
    match refusal.why:
        case WhyNot.OVER:
            return _what_became(refusal)
        case WhyNot.DECIDED:
            answer = "approved" if refusal.decision is None or refusal.decision.agreed else "denied"
            return f"You have {answer} this request already. A decision is final."
        case WhyNot.UNVERIFIED:
            return "Airflow does not know who you are. Log in to decide."
        case WhyNot.REQUESTER:
            return "You asked for these changes, so someone else has to decide. You can cancel the request."
        case WhyNot.ASKED:
            return "You asked for this, so someone else has to decide."
        case WhyNot.EDITOR:
            return (
                f"You saved {versions_text(refusal.versions)} of this collection, and no one else has"
                " approved the job since then, so another person has to decide."
            )
        case WhyNot.NO_APPROVER:
            return "You are not an approver of this request. One of them can reroute it to you."
        case WhyNot.OUTSIDE_EITHER:
            return (
                "The job's policy was changed while this run was going on, and only people named by both"
                " versions may decide. Ask one of them, or have the job run again: the next run goes by the"
                " new policy alone."
            )
        case WhyNot.OUTSIDE_MINIMUM:
            return (
                "The deployment's setting approval_minimum does not let you decide, though the job's policy"
                " names you. Ask an administrator to add you there, or someone it names to decide."
            )


def _what_became(refusal: Refusal) -> str:
    by = f" by {', '.join(refusal.people)}" if refusal.people else ""
    match refusal.state:
        case RequestState.APPROVED:
            return f"This request was already approved{by}."
        case RequestState.APPLIED:
            return f"This request was already approved{by}, and the changes were applied."
        case RequestState.DENIED:
            return f"This request was already denied{by}."
        case RequestState.EXPIRED:
            return "This request has expired. Run the job again to file a new one."
        case RequestState.CANCELLED:
            return "This request was cancelled."
        case _:
            return _why_stale(refusal)


def _why_stale(refusal: Refusal) -> str:
    if refusal.successor is not None:
        return f"This request is stale: request {refusal.successor} has taken its place. Decide that one."
    if refusal.versions:
        return (
            f"This request is stale: {versions_text(refusal.versions)} of the collection has another approval"
            " policy for the job. Plan again, so that it is asked for under the new one."
        )
    return "This request is stale: it is out of date. Plan again if the changes are still wanted."


def versions_text(versions: Sequence[int]) -> str:
    """Versions in words: one, two, or the first and the last of more."""
    match versions:
        case [version]:
            return f"version {version}"
        case [first, last]:
            return f"versions {first} and {last}"
        case _:
            return f"{len(versions)} versions ({versions[0]} to {versions[-1]})"


def missing_text(pending: Pending) -> str:
    """Who has to agree still."""
    return "; ".join(map(_missing_text, pending.missing))


def _missing_text(missing: MissingPart | MissingPeople) -> str:
    if isinstance(missing, MissingPart):
        who = approver_text(missing.approver)
        return who if missing.reachable else f"{who}, who may not decide this request"
    names = ", ".join(map(approver_text, missing.among))
    if not missing.reachable:
        return (
            f"{missing.needed} people have to agree, but no more than {missing.able} of those who are asked"
            f" ever can{f' ({names})' if names else ''}: the request waits until others are asked, by"
            " rerouting or escalation"
        )
    if missing.more == len(missing.among) == 1:
        return names
    return f"{'one' if missing.more == 1 else missing.more} of: {names}"


def unfound_text(unfound: Iterable[Unfound]) -> str:
    """Why a level of escalation finds no one, for the history."""
    return " ".join(map(_unfound_text, unfound))


def _unfound_text(unfound: Unfound) -> str:
    who = f"{unfound.name}, the manager of {unfound.manager_of}," if unfound.manager_of else unfound.name
    match unfound.why:
        case WhyUnfound.ROLES_ONLY:
            return "Only roles were asked, and roles have no manager."
        case WhyUnfound.ROLE_IS_ASKED:
            return f"Who has the role {unfound.name} is asked already."
        case WhyUnfound.NO_MANAGER:
            return f"No manager of {unfound.manager_of} is known."
        case WhyUnfound.MAY_NOT_DECIDE:
            return f"{who} may not decide this request."
        case WhyUnfound.IS_ASKED:
            return f"{who} is asked already."
