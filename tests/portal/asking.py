"""Requests that tests of the portal ask about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from directory_sync.approval.people import Approver
from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.store.drafts import DraftKind
from directory_sync.store.preview_model import PreviewState, QuestionKind
from directory_sync.store.store import Store
from tests.scenarios.plans import collection, plan
from tests.scenarios.portal_server import COLLECTION, PortalServer
from tests.scenarios.saved import ADA

BEA = Approver("user", "bea")
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A pending request, a preview of its collection and a draft, both of a person who may see all."""

    id: int
    digest: str
    plan_id: int
    run_id: str
    preview: str
    draft: str


def ask(
    server: PortalServer,
    *,
    approvers: Iterable[Approver] = (BEA,),
    requester: str = "ida",
    name: str = COLLECTION,
    changes: Sequence[Change] | None = None,
    verified: bool = True,
    description: str = "",
    **policy: Any,
) -> Asked:
    """File a request with a plan of its own; the job's pending one becomes stale."""
    number = next(_numbers)
    run_id = f"manual__{number}"
    store, asked = server.store, tuple(approvers)
    run = store.runs.start(
        collection(name), run_id, trigger="manual", requester=requester, verified=verified, reason="a test"
    )
    made = plan(tuple(changes) if changes is not None else (update(f"person {number}"),))
    plan_id = store.plans.save(store.runs.start_job(run.id, "people").id, made)
    named = {
        "users": [each.name for each in asked if each.kind == "user"],
        "roles": [r.name for r in asked if r.kind == "role"],
    }
    newest = store.collections.get(name)
    filed = store.filing.file(
        plan_id,
        newest=None if newest is None else newest.revision,
        policy={"approvers": named, **policy},
        approvers=asked,
        description=description,
        requester_may_decide=False,
    )
    return Asked(filed.id, made.digest, plan_id, run_id, _preview(store, name), _draft(store))


def _preview(store: Store, name: str) -> str:
    """One that is over: only few of one person's are open."""
    question = store.previews.ask(ADA, name, QuestionKind.FILE, "")
    store.previews.finish(question.id, PreviewState.CANCELLED)
    return question.id


def _draft(store: Store) -> str:
    """One of a person who may do everything."""
    return store.drafts.begin(ADA.name, DraftKind.COLLECTION, "name: draft\n").id


def update(who: str, **fields: str) -> Change:
    """A change of some fields of one person."""
    return Change(
        Action.UPDATE,
        who,
        f"cn={who},ou=people,dc=office",
        fields=tuple(
            FieldChange(name, (b"old",), (value.encode(),)) for name, value in (fields or {"sn": who}).items()
        ),
    )
