"""The changes of a plan as the LDIF of the operations that carry them out."""

from __future__ import annotations

from directory_sync.endpoints.change import Change
from directory_sync.endpoints.contract import LdifForm
from directory_sync.endpoints.exchanges import Part
from directory_sync.endpoints.ldap.flavours import GENERIC
from directory_sync.endpoints.ldap.operations import operations
from directory_sync.endpoints.ldap.schema import Schema
from directory_sync.endpoints.ldif import render


def render_change(change: Change, schema: Schema, part: Part) -> str:
    """A change, or a part of it.

    Values that follow what they name are left out: a server that lets them follow would refuse.
    """
    fields = tuple(field for field in change.fields if not (field.late and field.old))
    needed = operations(change._replace(fields=fields), schema, assertion=False, identity_field=None)
    first = needed.main[:1] if change.via is not None else needed.main
    second, late = needed.main[len(first) :], needed.late
    return render(
        {Part.WHOLE: (*first, *second, *late), Part.FIRST: first, Part.SECOND: second, Part.LATE: late}[part]
    )


def ldif_form() -> LdifForm:
    """How changes to a directory are written where its schema is not known: values are compared octet by
    octet then.
    """
    schema = Schema({}, behaviour=GENERIC, endpoint="")
    return LdifForm(lambda change, part: render_change(change, schema, part), schema.names)
