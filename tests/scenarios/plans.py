"""Small collections, changes and plans for tests of what stores and applies them."""

from __future__ import annotations

from collections.abc import Sequence

from directory_sync.definition.models import Collection
from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.plan.digest import plan_digest
from directory_sync.plan.model import COUNTED_AS, ChangeSequence, LimitCheck, Plan, RecordProblem, Statistics

DESTINATION = "ldap://127.0.0.1:389"


def collection(name: str = "crew", *, description: str = "", secret: Sequence[str] = ()) -> Collection:
    """A collection with one job, `people`, and further fields of it that are secret."""
    return Collection.model_validate(
        {
            "name": name,
            "description": description,
            "limits": {"delete": "5%"},
            "jobs": [
                {
                    "name": "people",
                    "object": "user",
                    "source": {"connection": "ship", "container": "ou=people,dc=ship"},
                    "destination": {"connection": "office", "container": "ou=people,dc=office"},
                    "fields": {
                        "cn": {"from": "cn", "key": True},
                        "sn": "sn",
                        "o": {"static": "Planet Express"},
                        **{field: {"from": field, "secret": True} for field in secret},
                    },
                }
            ],
        }
    )


def creations(count: int) -> tuple[Change, ...]:
    """So many people to create."""
    return tuple(
        Change(
            Action.CREATE,
            f"person {number}",
            f"cn=person {number},ou=people,dc=office",
            fields=(
                FieldChange("cn", (), (f"person {number}".encode(),)),
                FieldChange("sn", (), (b"P\xc3\xa9rson",)),
            ),
        )
        for number in range(count)
    )


def plan(
    changes: ChangeSequence | Sequence[Change], *, digest: str | None = None, job: str = "people"
) -> Plan:
    """A plan with everything that a header can hold."""
    return Plan(
        collection="crew",
        job=job,
        destination=DESTINATION,
        changes=changes,
        digest=digest or plan_digest("crew", job, DESTINATION, changes),
        statistics=_statistics(changes),
        managed=3,
        problems=(RecordProblem("fry", "line 3", "no surname"),),
        warnings=("A warning.",),
        limits=(LimitCheck("delete", "", 0, 3, 5, "5%"),),
    )


def _statistics(changes: ChangeSequence | Sequence[Change]) -> Statistics:
    if not isinstance(changes, tuple | list):
        return Statistics(read=7, created=len(changes))  # one that minds when it is read
    counts = {name: sum(change.action is action for change in changes) for action, name in COUNTED_AS.items()}
    return Statistics(read=7, **counts)
