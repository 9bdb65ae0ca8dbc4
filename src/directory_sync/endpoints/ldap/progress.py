"""How far a change has come, judged by looking at its object: not begun, partly or wholly done, or in
conflict. Pure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.endpoints.ldap.operations import (
    Modification,
    Modify,
    Operation,
    Operations,
    Rename,
    Rules,
    fields_after_rename,
)
from directory_sync.endpoints.ldap.schema import Schema


@dataclass(frozen=True, slots=True)
class Seen:
    """An object as it is now: its DN and the attributes of the change, under the change's names."""

    dn: str
    attributes: Mapping[str, Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of other objects, and explains why values that name them are not as they were.

    Servers let references follow: the value goes with the object that it names, or is renamed with it
    (`refint`, `memberof`, Active Directory's links).

    Attributes:
        moved: normalised DN → normalised DN of the objects that this run has renamed.
        gone: normalised DNs of which it is certain that no object has them.
    """

    moved: Mapping[bytes, bytes] = dataclasses.field(default_factory=dict)
    gone: Collection[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Progress:
    """What is left to do.

    Attributes:
        remaining: operations that still have to be applied; none in both parts if the change is done.
        conflict: why it must not be applied; empty if there is no conflict.
        found: the same without what follows from it: what the object is like.
        unexplained: normalised DNs that values named and name no longer. If no object has any of these DNs
            any more, the server took the values away along with their objects, and the change can be judged
            again with that knowledge.
    """

    remaining: Operations
    conflict: str = ""
    unexplained: tuple[bytes, ...] = ()
    found: str = ""

    @property
    def done(self) -> bool:
        """Whether the object is as the change wants it."""
        return not self.conflict and not self.remaining.main and not self.remaining.late


NOTHING = Operations(())
NO_OTHERS = Known()
_AGAIN = "Nothing was overwritten; run the job again."


def judge(
    change: Change,
    planned: Operations,
    schema: Schema,
    seen: Seen | None,
    *,
    elsewhere: str | None = None,
    known: Known = NO_OTHERS,
    looked_at: Collection[str] | None = None,
) -> Progress:
    """Compare an object with what a change saw and wants.

    Args:
        change: what was planned.
        planned: all operations of the change.
        schema: of the server.
        seen: the object under its present or its future name; None if there is none.
        elsewhere: DN under which the object was found although neither name leads to it; empty if another
            object has its name.
        known: of other objects.
        looked_at: the fields that `seen` tells about; None for all. Of the others only values that come and
            go one by one (`partial`) may be left out; they are taken for not written yet.
    """
    if change.action is Action.CREATE:
        return _judge_creation(change, planned, Rules(schema), seen)
    if elsewhere:
        return _conflict(f"the object has been renamed or moved meanwhile; it is now {elsewhere}")
    if change.action is Action.DELETE and seen is None:
        # Also if another object has its name by now: the one that is meant is nowhere.
        return Progress(NOTHING)
    if elsewhere is not None:
        return _conflict("another object has this name now")
    if seen is None:
        return _conflict("the object does not exist any more")
    if looked_at is not None and seen.dn == change.object and _is_untouched(change, seen):
        # As nearly always, and found out without the schema.
        return Progress(planned)
    sight = _Sight(seen, Rules(schema), known)
    if change.action is Action.DELETE:
        return sight.verdict(sight.comparable(change.fields), planned, exactly=True)
    return _judge_update(change, planned, schema, sight, looked_at)


def _is_untouched(change: Change, seen: Seen) -> bool:
    """Whether the object is octet for octet as it was, as far as fields are not written value by value or
    later.
    """
    attributes = seen.attributes
    for name, old, _, _, late, partial in change.fields:
        if partial or late:
            continue
        present = attributes.get(name, ())
        if (
            len(present) != len(old)
            or (len(old) == 1 and present[0] != old[0])
            or (len(old) > 1 and set(present) != set(old))
        ):
            return False
    return True


def judge_late(planned: Operations, schema: Schema, seen: Seen | None) -> Progress:
    """What is left to do of the operations that had to wait for all other changes, after the rest was
    written.
    """
    if seen is None:
        return Progress(
            NOTHING, "the object was taken away after this run had written it. Run the job again."
        )
    return Progress(Operations((), _Sight(seen, Rules(schema), NO_OTHERS).left_of(planned.late)))


def _judge_creation(change: Change, planned: Operations, rules: Rules, seen: Seen | None) -> Progress:
    if seen is None:
        return Progress(planned)
    late = {
        part.attribute.lower() for op in planned.late if isinstance(op, Modify) for part in op.modifications
    }
    sight = _Sight(seen, rules, NO_OTHERS)
    fields = sight.comparable(change.fields)
    differing = [
        field.field for field in fields if field.field.lower() not in late and not sight.is_new(field)
    ]
    if differing:
        return _conflict(f"an object of this name exists already, with another {', '.join(differing)}")
    return Progress(Operations((), sight.left_of(planned.late)))


def _judge_update(
    change: Change, planned: Operations, schema: Schema, sight: _Sight, looked_at: Collection[str] | None
) -> Progress:
    main, name = _names_left(change, planned.main, schema, sight.seen.dn)
    fields = fields_after_rename(change, schema, name)
    if looked_at is not None:
        # Nothing is known of the others, so nothing of them is written already.
        fields = tuple(field for field in fields if field.field in looked_at)
    fields = sight.comparable(fields)
    # Values that come and go one by one are judged one by one: what someone else has taken away or added
    # already is done.
    whole = [field for field in fields if not field.partial and not field.late]
    late = tuple(planned.late if looked_at is not None else sight.left_of(planned.late))
    if not any(isinstance(op, Rename) for op in main) and all(map(sight.is_new, whole)):
        if whole:
            # They were written in one step with the values that cannot be read.
            singly = {field.field for field in change.fields if field.partial and not field.late}
            main = tuple(rest for op in main if (rest := _only(op, singly)) is not None)
        return Progress(Operations(main if looked_at is not None else sight.left_of(main), late))
    verdict = sight.verdict(whole, Operations(main, late), exactly=False)
    if verdict.conflict:
        return verdict
    partly = {field.field for field in fields if field.partial}
    return Progress(Operations(tuple(sight.left_of(verdict.remaining.main, only=partly)), late))


def _names_left(
    change: Change, main: Sequence[Operation], schema: Schema, dn: str
) -> tuple[tuple[Operation, ...], str]:
    """The operations without the renames that have been applied, and the name that the object has by
    them.
    """
    renames = [op for op in main if isinstance(op, Rename)]
    same = schema.names.same
    if same(change.object, change.final_object):
        # Only the spelling changes.
        spelled = schema.names.spelled_value
        done = len(renames) if spelled(dn.encode()) == spelled(change.final_object.encode()) else 0
    else:
        done = next((n for n in range(len(renames), 0, -1) if same(dn, renames[n - 1].new_dn)), 0)
    gone = renames[:done]
    return tuple(op for op in main if op not in gone), gone[-1].new_dn if gone else change.object


def _only(operation: Operation, fields: Collection[str]) -> Operation | None:
    """The part of a modification that is about these attributes; None if there is none."""
    if not isinstance(operation, Modify):
        return operation
    parts = tuple(part for part in operation.modifications if part.attribute in fields)
    return replace(operation, modifications=parts) if parts else None


class _Sight:
    """An object as it was seen, held against the values of fields."""

    def __init__(self, seen: Seen, rules: Rules, known: Known) -> None:
        self.seen = seen
        self._rules = rules
        self._known = known

    def comparable(self, fields: Iterable[FieldChange]) -> tuple[FieldChange, ...]:
        """Without those whose values cannot be read: of them no one can tell, and writing them again does no
        harm.
        """
        return tuple(field for field in fields if not self._rules.write_only(field.field))

    def is_new(self, field: FieldChange) -> bool:
        """Whether the field is as the change wants it."""
        present = self._present(field)
        old, new = self._rules.keys(field.field, field.old), self._rules.keys(field.field, field.new)
        held = self._rules.keys(field.field, present)
        if not new <= held or (old - new) & held:
            return False
        # Of a value that changes only its spelling, the spelling tells.
        rule = self._rules.of(field.field)
        respelled = {rule.spelled(value) for value in field.added if rule.normalise(value) in old}
        return not respelled or respelled <= set(map(rule.spelled, present))

    def verdict(self, fields: Iterable[FieldChange], planned: Operations, *, exactly: bool) -> Progress:
        """The planned operations if the fields are as they were; `exactly`: no value more, where values are
        not named.
        """
        differing: list[str] = []
        unexplained: list[bytes] = []
        followed: dict[str, dict[bytes, bytes | None]] = {}
        for field in fields:
            if not self._rules.of(field.field).reference:
                if not self._is_old(field, exactly=exactly or field.replace):
                    differing.append(field.field)
                continue
            missing, others = self._compare_references(
                field, followed.setdefault(field.field, {}), exactly=exactly
            )
            if missing or others:
                differing.append(field.field)
                unexplained += missing
                if others:
                    # No knowledge of other objects would explain these.
                    unexplained.append(b"")
        if differing:
            explicable = (
                unexplained
                and b"" not in unexplained
                and len(differing) == len(set(differing) & followed.keys())
            )
            return _conflict(_differs(differing), tuple(unexplained) if explicable else ())
        if not any(followed.values()):
            return Progress(planned)
        return Progress(Operations(tuple(self._following(planned.main, followed)), planned.late))

    def left_of(
        self, operations: Iterable[Operation], *, only: Collection[str] | None = None
    ) -> tuple[Operation, ...]:
        """The operations without values that are gone or there already; `only` of these attributes."""
        left: list[Operation] = []
        for op in operations:
            if isinstance(op, Modify):
                parts = tuple(
                    rest
                    for part in op.modifications
                    if (
                        rest := part
                        if only is not None and part.attribute not in only
                        else self._left_of_part(part)
                    )
                    is not None
                )
                if parts != op.modifications:
                    if parts:
                        left.append(replace(op, modifications=parts))
                    continue
            left.append(op)
        return tuple(left)

    def _left_of_part(self, part: Modification) -> Modification | None:
        if part.kind == "replace":
            return part
        rule = self._rules.of(part.attribute)
        held = self._rules.keys(part.attribute, self.seen.attributes.get(part.attribute, ()))
        wanted = part.kind == "delete"
        values = tuple(value for value in part.values if (rule.normalise(value) in held) is wanted)
        return replace(part, values=values) if values else None

    def _present(self, field: FieldChange) -> Sequence[bytes]:
        return self.seen.attributes.get(field.field, ())

    def _is_old(self, field: FieldChange, *, exactly: bool) -> bool:
        present = self._present(field)
        held = self._rules.keys(field.field, present)
        old, new = self._rules.keys(field.field, field.old), self._rules.keys(field.field, field.new)
        if exactly and not field.partial:
            return held == old
        # Values that someone else added and that the change does not name stay, so they are no conflict.
        if not old and not field.partial:
            return not held
        return old <= held and not (new - old) & held

    def _compare_references(
        self, field: FieldChange, followed: dict[bytes, bytes | None], *, exactly: bool
    ) -> tuple[list[bytes], bool]:
        """Old values that are missing without a reason, and whether there are others that the change does not
        know.

        What has gone or followed its object is added to `followed`: normalised old value → the one that is
        there now, or None.
        """
        held = self._rules.keys(field.field, self._present(field))
        old, new = self._rules.keys(field.field, field.old), self._rules.keys(field.field, field.new)
        missing = []
        expected = set()
        for value in old:
            then = self._known.moved.get(value)
            if value in held:
                expected.add(value)
            elif then is not None and then in held:
                expected.add(then)
                followed[value] = then
            elif value in self._known.gone:
                followed[value] = None
            else:
                missing.append(value)
        others = held - expected
        return missing, bool(others if exactly or not old else others & (new - old))

    def _following(
        self, operations: Iterable[Operation], followed: Mapping[str, Mapping[bytes, bytes | None]]
    ) -> Iterable[Operation]:
        """The operations with the values as they are now that they have followed their objects."""
        for op in operations:
            if not isinstance(op, Modify):
                yield op
                continue
            parts = []
            for part in op.modifications:
                changed = followed.get(part.attribute, {})
                if part.kind != "delete" or not changed:
                    parts.append(part)
                    continue
                normalise = self._rules.of(part.attribute).normalise
                now = [changed.get(normalise(value), value) for value in part.values]
                if values := tuple(value for value in now if value is not None):
                    parts.append(replace(part, values=values))
            if parts:
                yield replace(op, modifications=tuple(parts))


def _differs(fields: Sequence[str]) -> str:
    if len(fields) == 1:
        return f"{fields[0]} is not as it was when the change was planned"
    return f"{', '.join(fields)} are not as they were when the change was planned"


def _conflict(found: str, unexplained: tuple[bytes, ...] = ()) -> Progress:
    return Progress(NOTHING, f"{found}. {_AGAIN}", unexplained, found)
