"""Whether a run may use the connections that its definition names: the rules of now, against the roles stored
with the version that the run has.
"""

from __future__ import annotations

import re
from collections.abc import Collection as Roles
from collections.abc import Sequence
from typing import TYPE_CHECKING

from directory_sync.definition.models import Collection, Job, ObjectKind
from directory_sync.definition.places import Places
from directory_sync.endpoints.contract import Destination
from directory_sync.errors import ConnectionRulesError, DirectorySyncError, RulesBroken
from directory_sync.rights.connection_rules import ConnectionRules
from directory_sync.rights.judgement import (
    Side,
    Terms,
    broken_at_destination,
    broken_rules,
)
from directory_sync.rights.words import rule_problems
from directory_sync.rights.written import field_type
from directory_sync.run.deployment import Deployment

if TYPE_CHECKING:
    # A terminal that only checks a definition asks no store, and should not wait for one to be imported.
    from directory_sync.store.runs import Snapshot
    from directory_sync.store.store import Store


def roles_of(store: Store, snapshot: Snapshot) -> Roles[str] | None:
    """The roles that a run's collection was saved with; None for one from a file, which roles do not bind.

    Raises DirectorySyncError if the version is not to be found: then no one can tell what it may use.
    """
    from directory_sync.definition.saved_documents import is_saved

    if not is_saved(snapshot.origin):
        return None
    name = snapshot.collection.name
    number = int(snapshot.version) if re.fullmatch(r"[0-9]{1,9}", snapshot.version) else 0
    version = store.collections.version(name, number)
    # One of the same name that was saved later is another collection's.
    if version is None or version.deleted or version.saved > snapshot.started:
        raise DirectorySyncError(
            f"Version {snapshot.version} of the saved collection {name}, which this run has, is not in the"
            " store any more, so no one can tell which connections it may use. Nothing was read or written."
            " Start a new run."
        )
    return version.roles if version.verified else ()


def refuse_broken_rules(
    collection: Collection,
    deployment: Deployment,
    *,
    roles: Roles[str] | None,
    places: Places | None = None,
    side: Side | None = None,
) -> None:
    """Raise RulesBroken if a collection breaks a rule, whichever of its jobs does; nothing was read then.

    Args:
        roles: as `roles_of` gives them.
        places: where the keys stand (`Loaded.places`).
        side: what is looked at only on one side of the jobs.

    Raises ConnectionRulesError if the rules cannot be read.
    """
    broken = broken_rules(collection, _rules(deployment), roles, deployment.administrators)
    broken = [each for each in broken if side in (None, each.side)]
    if broken:
        raise RulesBroken(rule_problems(broken, places or Places.none(collection.name)))


def refuse_at_destination(
    collection: Collection, job: Job, destination: Destination, deployment: Deployment
) -> None:
    """Raise RulesBroken if a job breaks a rule by what names mean at its destination, which answers; nothing
    has been read but its schema.
    """
    rules = _rules(deployment)
    if rules is None:
        return
    index = next(index for index, other in enumerate(collection.jobs) if other.name == job.name)
    rule = rules.of(job.destination.connection).destination
    broken = list(broken_at_destination(job, ("jobs", index), rule, _terms(destination)))
    if broken:
        raise RulesBroken(rule_problems(broken, Places.none(collection.name)))


def _terms(destination: Destination) -> Terms:
    """What names mean by the destination's own schema and flavour."""

    def field(name: str) -> str:
        plain = field_type(name)
        rule = destination.rule(plain)
        return plain if rule is None else field_type(rule.described or rule.name)

    def of(kinds: Sequence[ObjectKind]) -> list[tuple[str, ...]]:
        objects = destination.objects
        return [] if objects is None else [objects.classes(kind.value) for kind in kinds]

    return Terms(
        field,
        lambda kinds: [name for classes in of(kinds) for name in classes],
        lambda kinds: list(dict.fromkeys(classes[-1] for classes in of(kinds) if classes)),
    )


def _rules(deployment: Deployment) -> ConnectionRules | None:
    rules = deployment.connection_rules
    if isinstance(rules, ConnectionRulesError):
        raise rules
    return rules
