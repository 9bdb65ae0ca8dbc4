"""A change as it may be shown: what is secret is decided here, once, and nowhere after it.

Whatever writes changes for people or their tools takes a `ShownChange`, which holds no secret value.
"""

from __future__ import annotations

from typing import NamedTuple

from directory_sync.definition.secrets import IsSecret
from directory_sync.endpoints.change import Change, FieldChange, Outcome, Values
from directory_sync.plan.display_names import name_of_change

HIDDEN = "***"
"""Stands for a secret value."""


class ShownField(NamedTuple):
    """Old and new values of one field.

    Attributes:
        told: the field as planned; of a secret one, a single `***` stands for all values that go, and one for
            all that come, as their number says something too.
        secret: the values are not shown.
    """

    told: FieldChange
    secret: bool

    @property
    def field(self) -> str:
        """The destination's name for it."""
        return self.told.field

    @property
    def old(self) -> Values:
        """Values that go."""
        return self.told.old

    @property
    def new(self) -> Values:
        """Values that come."""
        return self.told.new

    @property
    def partial(self) -> bool:
        """Only values that go and come; others, which are not listed, stay."""
        return self.told.partial


class ShownChange(NamedTuple):
    """One change.

    Attributes:
        told: the change as planned, with `***` for the values of a secret field.
        fields: its fields, each with whether it is secret.
        sequence: its place in the plan, from 0.
        outcome: its result; None if nothing has yet.
    """

    told: Change
    fields: tuple[ShownField, ...]
    sequence: int = 0
    outcome: Outcome | None = None

    @property
    def name(self) -> str:
        """What people call the object; empty where nothing but the key is known."""
        secret = {field.field for field in self.fields if field.secret}
        return name_of_change(self.told, secret.__contains__)


def visible(
    change: Change, is_secret: IsSecret, *, sequence: int = 0, outcome: Outcome | None = None
) -> ShownChange:
    """The change without its secrets.

    Args:
        change: as planned.
        is_secret: of which fields the values are not shown.
        sequence, outcome: as in `ShownChange`.
    """
    fields = tuple(_shown_field(field, is_secret) for field in change.fields)
    if any(field.secret for field in fields):
        change = change._replace(fields=tuple(field.told for field in fields))
    return ShownChange(change, fields, sequence, outcome)


def _shown_field(field: FieldChange, is_secret: IsSecret) -> ShownField:
    if not is_secret(field.field):
        return ShownField(field, secret=False)
    hidden = (HIDDEN.encode(),)
    told = field._replace(old=hidden if field.old else (), new=hidden if field.new else ())
    return ShownField(told, secret=True)
