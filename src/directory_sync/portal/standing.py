"""What Airflow knows of people who are asked: whether they exist, and may see the collection and the portal,
in words too.

Tasks cannot ask Airflow's auth manager. The API server can, so that pages and REST API say it, and the
terminal by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from directory_sync.approval.people import Approver, Assignment, named
from directory_sync.approval.quorum import Pending, outcome
from directory_sync.approval.request import RequestView
from directory_sync.definition.models import Approvers
from directory_sync.portal.codes import Known


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one user or role.

    Attributes:
        known: whether there is one of this name.
        people: how many are meant who may sign in: of a role those who have it; None if that is not told.
        seeing: how many of them may see the collection; None if that is not told.
        opening: how many of those who do also find the portal in Airflow; None if that is not told.
        similar: a name that differs in case only, if there is no exact one.
    """

    known: Known = Known.UNKNOWN
    people: int | None = None
    seeing: int | None = None
    opening: int | None = None
    similar: str = ""

    @property
    def able(self) -> bool | None:
        """Whether at least one of them can open requests of the collection; None if that cannot be told."""
        if self.known is Known.NO:
            return False
        return None if self.opening is None else self.opening > 0

    @property
    def sees(self) -> bool | None:
        """Whether at least one of them may see the collection; None if that cannot be told."""
        if self.known is Known.NO:
            return False
        return None if self.seeing is None else self.seeing > 0


UNTOLD = Standing()
"""Where the auth manager tells nothing."""

Standings = Mapping[Approver, Standing]


def note(approver: Approver, standing: Standing) -> str:
    """What keeps someone from deciding, as far as Airflow tells, in a sentence; empty if nothing does."""
    if standing.known in (Known.NO, Known.NOT_YET):
        return _unknown(approver, standing)
    if standing.people is None or standing.seeing is None or standing.opening is None:
        return ""
    role = approver.kind == "role"
    if not standing.people:
        return "No one has it in Airflow." if role else "This user may not sign in to Airflow."
    if not standing.seeing:
        return (
            "None of them can see this collection in Airflow."
            if role
            else "Cannot see this collection in Airflow."
        )
    if not standing.opening:
        return (
            f"{'None of them finds' if role else 'Does not find'} Dir Sync in Airflow: the right to read"
            " Plugins is missing."
        )
    blind = standing.people - standing.opening
    return f"{blind:,} of {standing.people:,} cannot open this request in Airflow." if role and blind else ""


def out_of_reach(view: RequestView, standings: Standings) -> bool:
    """Whether those who are asked can never be enough, because of what Airflow tells of them."""
    unable = {approver for approver, each in standings.items() if each.able is False} - _answered(view)
    if not unable:
        return False
    policy = view.request.rules
    left = [rest for each in view.assignments if (rest := _without(each, unable)) is not None]
    request = view.request
    found = outcome(
        policy, left, view.decisions, requester=request.starter, asked_by=view.asker, edits=request.edits
    )
    if isinstance(found, Pending) and not found.reachable:
        return True
    all_named = named(policy.approvers if policy.require == "all" else None, policy.all_of)
    return isinstance(found, Pending) and not unable.isdisjoint(all_named)


def _answered(view: RequestView) -> set[Approver]:
    """Who has agreed, as users and by their roles: whether they still see the collection no longer
    matters.
    """
    agreed = [decision for decision in view.decisions if decision.agreed]
    return {Approver("user", each.person.name) for each in agreed} | {
        Approver("role", role) for each in agreed for role in each.person.roles
    }


def _without(assignment: Assignment, unable: set[Approver]) -> Assignment | None:
    left = [approver for approver in named(assignment.approvers) if approver not in unable]
    if not left:
        return None
    users, roles = (
        [approver.name for approver in left if approver.kind == kind] for kind in ("user", "role")
    )
    return replace(assignment, approvers=Approvers(users=users, roles=roles))


def _unknown(approver: Approver, standing: Standing) -> str:
    what = "role or group" if approver.kind == "role" else "user"
    if standing.similar:
        return f"Airflow knows no {what} of this name, but {standing.similar}: names are compared exactly."
    if standing.known is Known.NOT_YET:
        return "Airflow does not know this user yet: it knows users from their first sign-in on."
    return f"Airflow knows no {what} of this name."
