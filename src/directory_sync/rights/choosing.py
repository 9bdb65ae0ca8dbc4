"""Whether a person may choose a connection for a side of a job, before there is a job. What saving says of a
complete definition is in `judgement`.
"""

from __future__ import annotations

from collections.abc import Collection as Many
from collections.abc import Sequence

from directory_sync.definition.models import Collection, ObjectKind
from directory_sync.rights.connection_rules import ConnectionRules, SideRule
from directory_sync.rights.judgement import RuleCode, Side
from directory_sync.rights.kinds import named_by

Place = tuple[Side, str | None]
"""A side, with a connection; None for the data folder."""


def places_of(collection: Collection) -> frozenset[Place]:
    """What the jobs of a collection use."""
    return frozenset(
        place
        for job in collection.jobs
        for place in (("source", job.source.connection), ("destination", job.destination.connection))
    )


def why_not_choose(
    place: Place,
    rules: ConnectionRules | None,
    roles: Many[str],
    administrators: Many[str],
    *,
    known: Many[Place] = (),
) -> RuleCode | None:
    """Which rule forbids it; None if it is allowed.

    Args:
        place: to be chosen.
        rules: the deployment's; None for none.
        roles: the person's.
        administrators: who may choose where there are no rules, or none for this place.
        known: what the newest saved version of the collection uses already; counts where there are no rules.
    """
    connection = place[1]
    if rules is None:
        if place in known or not set(roles).isdisjoint(administrators):
            return None
        return RuleCode.ONLY_ADMINISTRATORS
    if connection is not None and rules.spelled(connection) is not None:
        return RuleCode.SPELLED_OTHERWISE
    named = _rule(rules, place).roles
    return RuleCode.ROLES if set(roles).isdisjoint(administrators if named is None else named) else None


def classes_to_see(place: Place, rules: ConnectionRules | None) -> Sequence[str]:
    """Classes of which objects of a destination have to be for a job to manage them; none for any."""
    if rules is None or place[0] == "source":
        return ()
    objects: Sequence[ObjectKind] | None = _rule(rules, place).objects
    # A class that no object has: where no type is allowed, there is nothing to see.
    return () if objects is None else named_by(objects) or ["noObjectIsAllowed"]


def _rule(rules: ConnectionRules, place: Place) -> SideRule:
    of = rules.of(place[1])
    return of.source if place[0] == "source" else of.destination
