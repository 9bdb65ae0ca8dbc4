"""How far a change has come, judged by looking at its object: not begun, partly or wholly done, or in conflict. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.endpoints.ldap.operations import Modify, Operations, Rename, Rules, fields_after_rename
from directory_sync.endpoints.ldap.schema import Schema


@dataclass(frozen=True, slots=True)
class Seen:
    """An object as it is now: its DN and the attributes of the change, under the change's names."""

    dn: str
    attributes: Mapping[str, Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Progress:
    """What is left to do.

    Attributes:
        remaining: operations that still have to be carried out; none in both parts if the change is done.
        conflict: why it must not be carried out; empty if there is no conflict.
    """

    remaining: Operations
    conflict: str = ""

    @property
    def done(self) -> bool:
        """Whether the object is as the change wants it."""
        return not self.conflict and not self.remaining.main and not self.remaining.late


NOTHING = Operations(())
_AGAIN = "Nothing was overwritten; run the job again to plan anew."


def judge(change: Change, planned: Operations, schema: Schema, seen: Seen | None, *, elsewhere: str | None = None) -> Progress:
    """Compare an object with what a change saw and wants.

    Args:
        change: what was planned.
        planned: all operations of the change.
        schema: of the server.
        seen: the object under its present or its future name; None if there is none.
        elsewhere: DN under which the object was found although neither name leads to it; empty if another object has its name.
    """
    rules = Rules(schema)
    if change.action is Action.CREATE:
        return _judge_creation(change, planned, rules, seen)
    if elsewhere:
        return Progress(NOTHING, f"the object has been renamed or moved meanwhile; it is now {elsewhere}. {_AGAIN}")
    if change.action is Action.DELETE and seen is None:
        # Also if another object has its name by now: the one that is meant is nowhere.
        return Progress(NOTHING)
    if elsewhere is not None:
        return Progress(NOTHING, f"another object has this name now. {_AGAIN}")
    if change.action is Action.DELETE:
        assert seen is not None
        fields = _comparable(change.fields, rules)
        differing = [field.field for field in fields if not _is_old(field, seen, rules, exactly=True)]
        return Progress(NOTHING, _differs(differing)) if differing else Progress(planned)
    if seen is None:
        return Progress(NOTHING, f"the object does not exist any more. {_AGAIN}")
    return _judge_update(change, planned, schema, rules, seen)


def _judge_creation(change: Change, planned: Operations, rules: Rules, seen: Seen | None) -> Progress:
    if seen is None:
        return Progress(planned)
    late = {part.attribute.lower() for op in planned.late if isinstance(op, Modify) for part in op.modifications}
    fields = _comparable(change.fields, rules)
    differing = [field.field for field in fields if field.field.lower() not in late and not _is_new(field, seen, rules)]
    if differing:
        return Progress(NOTHING, f"an object of this name exists already, with another {', '.join(differing)}. {_AGAIN}")
    written = all(_is_new(field, seen, rules) for field in fields if field.field.lower() in late)
    return Progress(NOTHING if written else Operations((), planned.late))


def _judge_update(change: Change, planned: Operations, schema: Schema, rules: Rules, seen: Seen) -> Progress:
    renames = any(isinstance(op, Rename) for op in planned.main)
    renamed = renames and _has_final_name(seen.dn, change, schema)
    fields = _comparable(fields_after_rename(change, schema) if renamed else change.fields, rules)
    early, late = [field for field in fields if not field.late], [field for field in fields if field.late]
    left = planned.late if not late or not all(_is_new(field, seen, rules) for field in late) else ()
    if renames and not renamed:
        main = planned.main
        checked = fields
    else:
        main = tuple(op for op in planned.main if not isinstance(op, Rename))
        # Of values that cannot be read nobody can tell; they are written again, which does no harm.
        if (early or not main) and all(_is_new(field, seen, rules) for field in early):
            return Progress(Operations((), left))
        checked = early if late and not left else fields
    differing = [field.field for field in checked if not _is_old(field, seen, rules, exactly=field.replace)]
    return Progress(NOTHING, _differs(differing)) if differing else Progress(Operations(main, left))


def _has_final_name(dn: str, change: Change, schema: Schema) -> bool:
    names = schema.names
    if not names.same(change.object, change.final_object):
        return names.same(dn, change.final_object)
    # Only the spelling changes.
    return names.spelled_value(dn.encode()) == names.spelled_value(change.final_object.encode())


def _comparable(fields: Iterable[FieldChange], rules: Rules) -> list[FieldChange]:
    return [field for field in fields if not rules.write_only(field.field)]


def _differs(fields: Sequence[str]) -> str:
    if len(fields) == 1:
        return f"{fields[0]} is not as it was when the change was planned. {_AGAIN}"
    return f"{', '.join(fields)} are not as they were when the change was planned. {_AGAIN}"


def _is_old(field: FieldChange, seen: Seen, rules: Rules, *, exactly: bool) -> bool:
    present = rules.keys(field.field, seen.attributes.get(field.field, ()))
    old, new = rules.keys(field.field, field.old), rules.keys(field.field, field.new)
    if exactly and not field.partial:
        return present == old
    # Values that somebody else added and that the change does not name stay, so they are no conflict.
    if not old and not field.partial:
        return not present
    return old <= present and not (new - old) & present


def _is_new(field: FieldChange, seen: Seen, rules: Rules) -> bool:
    present = rules.keys(field.field, seen.attributes.get(field.field, ()))
    old, new = rules.keys(field.field, field.old), rules.keys(field.field, field.new)
    if not new <= present or (old - new) & present:
        return False
    # Of a value that changes only its spelling, the spelling tells.
    rule = rules.of(field.field)
    respelled = {rule.spelled(value) for value in field.added if rule.normalise(value) in old}
    return not respelled or respelled <= set(map(rule.spelled, seen.attributes.get(field.field, ())))
