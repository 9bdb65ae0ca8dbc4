"""The people a request may be rerouted to: managers, deputies, and others that Airflow knows.

All are names that exist, and of people whose answer could count; nothing here is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from directory_sync.approval.people import Approver, named
from directory_sync.definition.approval import Approvers, impossible_name
from directory_sync.portal.access import Visitor
from directory_sync.portal.airflow_managers import managers_of
from directory_sync.portal.codes import Known
from directory_sync.portal.reading import RequestDetails
from directory_sync.requests import decisions

MOST_NAMES = 200
"""Names of each kind that a field suggests."""


@dataclass(frozen=True, slots=True)
class Names:
    """Users and roles that Airflow knows, each sorted; empty where its auth manager does not tell."""

    users: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manager:
    """A manager, and whose."""

    approver: Approver
    of: str


@dataclass(frozen=True, slots=True)
class Presets:
    """What the form offers.

    Attributes:
        managers: of those who are asked by name, and of the visitor.
        deputies: those that the policy asks next if no one decides.
        others: names to choose from.
    """

    managers: tuple[Manager, ...] = ()
    deputies: tuple[Approver, ...] = ()
    others: Names = Names()


NONE = Presets()
"""Where nothing is offered."""


def read_presets(visitor: Visitor, details: RequestDetails) -> Presets:
    """What is offered to this visitor; nothing to those who may not send the request on."""
    if details.powers.decide:
        return NONE
    view = details.view
    asked: set[tuple[str, str]] = {(each.kind, each.name) for each in view.assignees}
    users = [visitor.person.name, *(each.name for each in view.assignees if each.kind == "user")]
    managers = {Approver("user", manager): of for of, manager in managers_of(users).items()}
    escalation = view.request.rules.escalation
    levels: list[Approvers] = []
    if escalation is not None:
        levels = [each for each in (*escalation.levels, escalation.default) if isinstance(each, Approvers)]
    deputies = named(*levels)

    def useful(found: Iterable[Approver]) -> list[Approver]:
        return [
            approver
            for approver in dict.fromkeys(found)
            if (approver.kind, approver.name) not in asked
            and not impossible_name(approver.name)
            and not (approver.kind == "user" and decisions.asked_in_vain(view, visitor.person, approver.name))
        ]

    candidates = useful([*managers, *deputies])
    standings = visitor.rights.standings(candidates, view.request.collection) if candidates else {}
    exist = [approver for approver in candidates if standings[approver].known is not Known.NO]
    return Presets(
        managers=tuple(Manager(approver, managers[approver]) for approver in exist if approver in managers),
        deputies=tuple(approver for approver in exist if approver in deputies and approver not in managers),
        others=_others(visitor, asked),
    )


def _others(visitor: Visitor, asked: set[tuple[str, str]]) -> Names:
    users, roles = visitor.rights.names(MOST_NAMES)
    return Names(
        tuple(sorted(name for name in users if ("user", name) not in asked and name != visitor.person.name)),
        tuple(sorted(name for name in roles if ("role", name) not in asked)),
    )
