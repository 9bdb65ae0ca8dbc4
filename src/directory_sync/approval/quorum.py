"""Whether the decisions given so far settle a request.

One denial denies. Each person counts once, and only who may decide counts. `any` and numbers count distinct
people. `all` asks for every named user and one person of every named role; a person may stand for several
roles and for their own name, because that is what the roles say, but two named users are always two people.
Under `all`, someone that escalation brought in stands in for one who has not answered, and someone to whom
a named approver rerouted the request for that approver only; each for one at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from directory_sync.approval.eligibility import could_decide, ineligible
from directory_sync.approval.people import Approver, Assignment, Origin, Person, identity, is_named
from directory_sync.approval.policy import EffectivePolicy
from directory_sync.approval.request import Decision, Edit
from directory_sync.approval.strictest import people_required
from directory_sync.definition.models import Approvers


@dataclass(frozen=True, slots=True)
class MissingPart:
    """A user, or someone with a role, who has to agree. Not `reachable`: they may never decide."""

    approver: Approver
    reachable: bool = True


@dataclass(frozen=True, slots=True)
class MissingPeople:
    """Too few people have agreed.

    Attributes:
        needed: how many have to agree; `more`: how many are lacking.
        among: who is asked and can still agree; where they are too few, the users who ever can.
        able: how many people that are; None where a role is asked, or they are enough.
    """

    needed: int
    more: int
    among: tuple[Approver, ...]
    able: int | None = None

    @property
    def reachable(self) -> bool:
        """Whether those who are asked now can be enough."""
        return self.able is None


@dataclass(frozen=True, slots=True)
class Pending:
    """More people have to agree."""

    missing: tuple[MissingPart | MissingPeople, ...]

    @property
    def reachable(self) -> bool:
        """False if those who are asked now can never be enough."""
        return all(each.reachable for each in self.missing)


@dataclass(frozen=True, slots=True)
class Approved:
    """Enough people have agreed: these, by name."""

    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Denied:
    """Someone has denied, for this reason."""

    by: str
    reason: str


Outcome = Pending | Approved | Denied

_Could = Callable[[str], bool]
"""Whether a named user may ever decide."""


class _Part(NamedTuple):
    """One user or role that has to agree under `all`."""

    user: str = ""
    role: str = ""

    @property
    def approver(self) -> Approver:
        return Approver("user", self.user) if self.user else Approver("role", self.role)

    def is_of(self, person: Person) -> bool:
        return person.name == self.user if self.user else self.role in person.roles


def outcome(
    policy: EffectivePolicy,
    assignees: Sequence[Assignment],
    decisions: Iterable[Decision],
    *,
    requester: str,
    asked_by: str = "",
    edits: Sequence[Edit] = (),
) -> Outcome:
    """Say whether the request is approved, denied, or who is missing. See the module for the rules.

    A recorded denial always counts; an agreement only if that person may decide, with the roles they
    had then.
    """
    given = tuple(decisions)
    for decision in given:
        if not decision.agreed:
            return Denied(decision.person.name, decision.reason)
    agreed = _distinct(
        decision.person
        for decision in given
        if ineligible(policy, assignees, requester, decision.person, asked_by=asked_by, edits=edits) is None
    )

    def could(user: str) -> bool:
        return could_decide(policy, user, requester, asked_by, edits)

    missing: tuple[MissingPart | MissingPeople, ...] = (
        *_missing_parts(policy, assignees, agreed, could),
        *_missing_people(policy, assignees, agreed, could),
    )
    if missing:
        return Pending(missing)
    return Approved(tuple(person.name for person in agreed))


def _distinct(people: Iterable[Person]) -> tuple[Person, ...]:
    distinct: dict[str, Person] = {}
    for person in people:
        distinct.setdefault(identity(person.name), person)
    return tuple(distinct.values())


# -- any and numbers -----------------------------------------------------------------------------------------


def _missing_people(
    policy: EffectivePolicy, assignees: Sequence[Assignment], agreed: Sequence[Person], could: _Could
) -> Iterable[MissingPeople]:
    own = [assignment for assignment in assignees if assignment.origin is not Origin.MINIMUM]
    counted = [
        person for person in agreed if any(is_named(assignment.approvers, person) for assignment in own)
    ]
    needed = 0 if policy.require == "all" else people_required(policy)
    missing = _too_few(own, counted, needed, could) or _too_few(assignees, agreed, policy.at_least, could)
    return () if missing is None else (missing,)


def _too_few(
    assignees: Sequence[Assignment], agreed: Sequence[Person], needed: int, could: _Could
) -> MissingPeople | None:
    """What is missing to the number, and whether it can be reached."""
    if len(agreed) >= needed:
        return None
    users = list(dict.fromkeys(user for assignment in assignees for user in assignment.approvers.users))
    roles = dict.fromkeys(role for assignment in assignees for role in assignment.approvers.roles)
    done = {identity(person.name) for person in agreed}
    able = done | {identity(user) for user in users if could(user)}
    more = needed - len(agreed)
    if not roles and len(able) < needed:
        known = (Approver("user", user) for user in users if identity(user) in able)
        return MissingPeople(needed, more, tuple(known), len(able))
    left = (Approver("user", user) for user in users if identity(user) in able - done)
    return MissingPeople(needed, more, (*left, *(Approver("role", role) for role in roles)))


# -- all -----------------------------------------------------------------------------------------------------


def _missing_parts(
    policy: EffectivePolicy, assignees: Sequence[Assignment], agreed: Sequence[Person], could: _Could
) -> Iterable[MissingPart]:
    missing: dict[_Part, None] = {}
    if policy.all_of is not None:
        missing.update(dict.fromkeys(_not_agreed(_parts(policy.all_of), agreed)))
    if policy.require == "all":
        missing.update(dict.fromkeys(_without_stand_in(_parts(policy.approvers), assignees, agreed)))
    for part in missing:
        yield MissingPart(part.approver, reachable=not part.user or could(part.user))


def _parts(approvers: Approvers) -> list[_Part]:
    users = (_Part(user=user) for user in approvers.users)
    return list(dict.fromkeys([*users, *(_Part(role=role) for role in approvers.roles)]))


def _not_agreed(parts: Iterable[_Part], agreed: Sequence[Person]) -> list[_Part]:
    return [part for part in parts if not any(part.is_of(person) for person in agreed)]


def _without_stand_in(
    parts: Sequence[_Part], assignees: Sequence[Assignment], agreed: Sequence[Person]
) -> list[_Part]:
    """The parts that no one has agreed for: neither themselves nor, each for one part, someone who stands
    in.
    """
    missing = _not_agreed(parts, agreed)
    free = [person for person in agreed if not any(part.is_of(person) for part in parts)]
    choices = {
        part: [i for i, person in enumerate(free) if part in _stands_for(person, parts, assignees)]
        for part in missing
    }
    taken: dict[int, _Part] = {}
    return [part for part in missing if not _assign(part, choices, taken, set())]


def _assign(
    part: _Part, choices: Mapping[_Part, Sequence[int]], taken: dict[int, _Part], tried: set[int]
) -> bool:
    """Find someone for the part, moving others to their second choice where needed (an augmenting path)."""
    for index in choices[part]:
        if index in tried:
            continue
        tried.add(index)
        if index not in taken or _assign(taken[index], choices, taken, tried):
            taken[index] = part
            return True
    return False


def _stands_for(person: Person, parts: Sequence[_Part], assignees: Sequence[Assignment]) -> set[_Part]:
    """The parts that the person may answer for: through escalation any, through rerouting those of who
    rerouted.
    """
    found: set[_Part] = set()
    people, met = [person], {person}
    while people:
        one = people.pop()
        found.update(part for part in parts if part.is_of(one))
        for assignment in assignees:
            if not is_named(assignment.approvers, one):
                continue
            if assignment.origin is Origin.ESCALATED:
                return set(parts)
            if assignment.by is not None and assignment.by not in met:
                met.add(assignment.by)
                people.append(assignment.by)
    return found
