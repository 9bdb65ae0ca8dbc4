"""The questions before something is done: they repeat the numbers, and carry the digest of the plan that was
shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from directory_sync.approval.people import Approver
from directory_sync.approval.request import Request
from directory_sync.portal.reading import RequestDetails
from directory_sync.present.words import KindCount, add_statistics, count_kinds, kinds_text
from directory_sync.run import approval_text


@dataclass(frozen=True, slots=True)
class Ask:
    """The question before a deed on one request.

    Attributes:
        deed: `approve`, `deny`, `reroute`, `cancel` or `replan`.
        button: what the button says, with the numbers.
        explanation: what will follow.
        reason_required: the deed needs one.
        hindrance: why the visitor may not do it; empty if they may.
        kinds: what the request changes.
        problem: what was wrong with what was entered; `reason`, `users`, `roles` are what was.
        doubts: who is to be asked though Airflow does not know them, or does not let them see the collection,
            and what it tells of each; `confirmed`: their names, which the form sends if they are to be asked
            all the same.
        untold: Airflow does not tell whether somebody has a name.
    """

    request: Request
    deed: str
    title: str
    button: str
    explanation: str
    reason_required: bool
    hindrance: str
    kinds: tuple[KindCount, ...]
    problem: str = ""
    reason: str = ""
    users: str = ""
    roles: str = ""
    doubts: tuple[tuple[str, str], ...] = ()
    confirmed: tuple[str, ...] = ()
    untold: bool = False


@dataclass(frozen=True, slots=True)
class SelectedRow:
    """One request of a selection; `hindrance` says why it is left out, empty if it is not."""

    request: Request
    digest: str
    kinds_text: str
    hindrance: str


@dataclass(frozen=True, slots=True)
class SelectionAsk:
    """The question before a selection is decided; `back` is the query of the list that it was made in."""

    deed: str
    title: str
    button: str
    rows: tuple[SelectedRow, ...]
    kinds: tuple[KindCount, ...]
    waives: bool
    back: str
    problem: str = ""
    reason: str = ""

    @property
    def decidable(self) -> bool:
        """Whether any of them can be decided."""
        return any(not row.hindrance for row in self.rows)


def ask(
    details: RequestDetails,
    deed: str,
    *,
    problem: str = "",
    reason: str = "",
    users: str = "",
    roles: str = "",
    doubts: Mapping[Approver, str] = {},
    untold: bool = False,
) -> Ask:
    """What is asked before the deed. Raises KeyError for a deed that does not exist."""
    request = details.request
    kinds = count_kinds(request.statistics)
    numbers = kinds_text(kinds)
    waived = (
        f" {'A limit is' if len(request.waives) == 1 else f'{len(request.waives)} limits are'} waived for it."
    )
    decide, cancel, replan = details.powers.decide, details.powers.cancel, details.hindrance_to_replan
    title, button, explanation, hindrance = {
        "approve": (
            f"Approve request {request.id}",
            f"Approve {numbers}",
            approval_text.before(request) + (waived if request.waives else ""),
            details.hindrance_to_approve,
        ),
        "deny": (
            f"Deny request {request.id}",
            f"Deny {numbers}",
            (
                "Nothing will be written for this request, whatever others decide. The requester sees your"
                " reason."
            ),
            decide,
        ),
        "reroute": (
            f"Ask others about request {request.id}",
            "Ask them all the same" if doubts else "Ask them too",
            "They are asked as well; everybody who is asked now can still decide.",
            decide,
        ),
        "cancel": (
            f"Cancel request {request.id}",
            f"Cancel {numbers}",
            "Nothing will be written for this request. It stays in the lists as cancelled.",
            cancel,
        ),
        "replan": (
            f"Plan {request.collection} / {request.job} again",
            "Start a new run of this job",
            "The job reads both sides again and makes a new plan. An approval is never carried over to it.",
            replan,
        ),
    }[deed]
    return Ask(
        request=request,
        deed=deed,
        title=title,
        button=button,
        explanation=explanation,
        reason_required=deed == "deny",
        hindrance=hindrance,
        kinds=kinds,
        problem=problem,
        reason=reason,
        users=users,
        roles=roles,
        doubts=tuple((named_text(whom), said) for whom, said in doubts.items()),
        confirmed=tuple(map(confirmation, doubts)),
        untold=untold,
    )


def named_text(whom: Approver) -> str:
    """A user or role, in words."""
    return f"{'Role' if whom.kind == 'role' else 'User'} {whom.name}"


def confirmation(whom: Approver) -> str:
    """What the form sends of somebody who is to be asked all the same."""
    return f"{whom.kind}:{whom.name}"


def selection_ask(
    found: Sequence[tuple[Request, str]], digests: Mapping[int, str], *, deed: str, back: str
) -> SelectionAsk:
    """What is asked before several requests are decided; those that the visitor may not decide are left out,
    and why.

    Args:
        found: the requests, and why the visitor may not decide each (empty if they may).
        digests: request → digest of the plan that was shown.
        deed: `approve` or `deny`.
        back: query of the list.
    """
    rows = tuple(
        SelectedRow(
            request=request,
            digest=digests[request.id],
            kinds_text=kinds_text(count_kinds(request.statistics)),
            hindrance=hindrance,
        )
        for request, hindrance in found
    )
    taken = [row.request for row in rows if not row.hindrance]
    kinds = count_kinds(add_statistics(request.statistics for request in taken))
    verb = "Approve" if deed == "approve" else "Deny"
    number = "1 request" if len(taken) == 1 else f"{len(taken)} requests"
    return SelectionAsk(
        deed=deed,
        title=f"{verb} {number}",
        button=f"{verb} {kinds_text(kinds)}",
        rows=rows,
        kinds=kinds,
        waives=any(request.waives for request in taken),
        back=back,
    )
