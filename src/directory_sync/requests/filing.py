"""What a run does with a plan that needs approval: it files a request, or finds that the same is asked for
already.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import timedelta

from directory_sync.approval.eligibility import agrees_by_asking, could_be_asked, someone_could_decide
from directory_sync.approval.people import Person, named
from directory_sync.approval.policy import SCHEDULED, EffectivePolicy, Reason, starter
from directory_sync.approval.request import Edit, Request, SavedDefinition
from directory_sync.definition.models import ApprovalPolicy, Approvers
from directory_sync.errors import AlreadyDecided, NotAllowed, NotDecidable
from directory_sync.plan.model import LimitCheck, Plan
from directory_sync.requests import decisions
from directory_sync.requests.texts import reason_text
from directory_sync.store.request_model import Filed, Filing
from directory_sync.store.runs import TERMINAL, Snapshot
from directory_sync.store.store import Store


def file_request(
    store: Store,
    snapshot: Snapshot,
    plan_id: int,
    plan: Plan,
    *,
    policy: EffectivePolicy,
    why: Reason,
    description: str,
    saved: SavedDefinition | None = None,
    newest: int | None = None,
) -> Filed:
    """Ask for the approval of a stored plan.

    A request of an earlier run for the same plan goes on waiting, unless the policy has changed since it was
    filed. Limits that the plan goes past are waived with the approval.

    Args:
        store: holds plan and requests.
        snapshot: the run that has made the plan.
        plan_id, plan: in the store.
        policy: the one that counts for the job.
        why: why the plan needs approval.
        description: what the request is about, for people.
        saved: of the saved collection that the plan was made by; None for one from a file.
        newest: revision of its newest version, from which policy and editors were taken.

    Raises CollectionChanged if another version is the newest now.
    """

    def outdated(pending: Request) -> str:
        if snapshot.trigger == TERMINAL and pending.trigger != TERMINAL:
            # A request of a scheduler's run is not for a terminal to end; if it asks for something else,
            # nothing is filed.
            return ""
        if pending.rules != policy:
            return "The approval policy was changed, so it is asked for again."
        if pending.trigger == TERMINAL and snapshot.trigger != TERMINAL:
            return f"Run {snapshot.run_id} asks for it, and applies it."
        return ""

    requester = starter(snapshot.trigger, snapshot.requester)
    filed = store.filing.file(
        plan_id,
        policy=policy.model_dump(mode="json", exclude_none=True),
        approvers=could_be_asked(
            named(policy.approvers, policy.all_of), policy, requester, edits=_edits(saved)
        ),
        waives=plan.exceeded,
        description=f"{description}\n{reason_text(why)}".strip(),
        requester_may_decide=policy.self_approval != "forbid",
        expires_after=policy.expires,
        escalate_after=_first_escalation(policy, requester, edits=_edits(saved)),
        outdated=outdated,
        saved=saved,
        newest=newest,
    )
    _agree_by_asking(store, snapshot, filed)
    return filed


def ask_for_waiver(
    store: Store,
    snapshot: Snapshot,
    plan_id: int,
    plan: Plan,
    *,
    policy: EffectivePolicy | None,
    administrators: Sequence[str],
    asked_by: str,
    reason: str,
    saved: SavedDefinition | None = None,
    newest: int | None = None,
) -> Filed:
    """Ask for the limits that a stopped plan went past to be waived once, for exactly this plan.

    The job's approvers decide, or where it has no policy, the administrators; never who started the run or
    asks for this. A run that makes the same plan again carries it out; the limits stay.

    Args:
        administrators: roles.
        asked_by: who asks; they cannot agree to it either.
        reason: why the changes are meant, in the words of who asks.
        saved, newest: as for `file_request`.

    Raises CollectionChanged as `file_request`; NotDecidable if someone has asked for it already, or a
    request of another run for this job waits for a decision.
    """
    if policy is None:
        own = ApprovalPolicy(approvers=Approvers(roles=list(administrators)))
        policy = EffectivePolicy.model_validate(
            {name: getattr(own, name) for name in ApprovalPolicy.model_fields}
        )
    policy = policy.model_copy(update={"self_approval": "forbid"})
    requester = starter(snapshot.trigger, snapshot.requester)
    filed = store.filing.file(
        plan_id,
        policy=policy.model_dump(mode="json", exclude_none=True),
        approvers=could_be_asked(
            named(policy.approvers, policy.all_of), policy, requester, asked_by, _edits(saved)
        ),
        waives=plan.exceeded,
        description=f"Carry this plan out although it goes past {_limits(plan.exceeded)}.",
        asked_by=asked_by,
        reason=reason,
        waiver=True,
        expires_after=policy.expires,
        escalate_after=_first_escalation(policy, requester, asked_by, _edits(saved)),
        saved=saved,
        newest=newest,
    )
    if filed.filing is Filing.SAME_AS_PENDING:
        raise NotDecidable(
            f"Request {filed.id} asks for this already. Comment on it if you have something to add."
        )
    return filed


def _limits(exceeded: Sequence[LimitCheck]) -> str:
    return "a limit" if len(exceeded) == 1 else f"{len(exceeded)} limits"


def _edits(saved: SavedDefinition | None) -> tuple[Edit, ...]:
    return () if saved is None else saved.authors


def _first_escalation(
    policy: EffectivePolicy, requester: str, asked_by: str = "", edits: Sequence[Edit] = ()
) -> timedelta | None:
    if policy.escalation is None:
        return None
    # No one waits for the answer of someone who may not give one.
    reachable = someone_could_decide(policy, policy.approvers, requester, asked_by, edits)
    return policy.escalation.after if reachable else timedelta(0)


def _agree_by_asking(store: Store, snapshot: Snapshot, filed: Filed) -> None:
    """Where the policy says `self_approval: auto`, who started the run has agreed by starting it.

    Their roles are known only to Airflow's API server, so that holds for those that the policy names by user
    name.
    """
    view = store.requests.get(filed.id)
    if snapshot.trigger == SCHEDULED or view.request.collection_run_id != snapshot.id:
        return
    person = Person(snapshot.requester, frozenset(), snapshot.verified)
    if agrees_by_asking(view, person):
        # Someone else may have decided in this very moment: then that counts.
        with contextlib.suppress(AlreadyDecided, NotAllowed):
            decisions.approve(
                store, filed.id, person, digest=view.request.digest, reason="Agreed by starting the run."
            )
