"""Old and new values of one object: what a job would write, field by field, by the destination schema's
rules.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from directory_sync.definition.models import Job, Members
from directory_sync.endpoints.blanks import is_blank
from directory_sync.endpoints.change import FieldChange
from directory_sync.endpoints.contract import FieldRule
from directory_sync.errors import RecordError
from directory_sync.plan.layout import Layout
from directory_sync.plan.references import Found
from directory_sync.plan.sides import ObjectRecord, SourceRecord

OBJECT_CLASS = "objectclass"


@dataclass(slots=True)
class LookedUp:
    """The result of comparing the `members` and `resolve` fields of one object.

    Attributes:
        changes: what is to be written.
        ids: ids that the new values name.
        problems: values that cannot be written, as sentences.
        warnings: what the user should know, as sentences.
        computed: number of values that should go, but are not stored: the directory computes them.
        followed: values that stay, but name objects that this plan moves: as they are now, and as they will
            be.
    """

    changes: list[FieldChange] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    computed: int = 0
    followed: list[tuple[bytes, bytes]] = field(default_factory=list)


def new_fields(record: SourceRecord, layout: Layout) -> list[FieldChange]:
    """The fields of a new object, objectClass first, without those that need a lookup.

    Raises:
        RecordError: for a value that the schema refuses.
    """
    fields = []
    classes: FieldChange | None = None
    if layout.classes:
        classes = FieldChange("objectClass", (), tuple(name.encode() for name in layout.classes))
    for i, name in enumerate(layout.fields):
        values = record.values[i]
        if values and i not in layout.lookups:
            rule = layout.rules[i]
            new = _distinct(values, rule)
            _check_values(new, rule, name)
            change = FieldChange(name, (), new, not rule.equality)
            if name.lower() == OBJECT_CLASS:
                # Classes that a record brings along are those of its object, and no others.
                classes = change
            else:
                fields.append(change)
    return fields if classes is None else [classes, *fields]


def check_mandatory(fields: Sequence[FieldChange], layout: Layout) -> None:
    """Raise RecordError if a new object would lack a value that its classes demand."""
    present = {change.field for change in fields if change.new}
    if layout.must_have <= present:
        return
    described = {name.lower().split(";")[0] for name in present}
    missing = [
        name for name in layout.fields if name.lower() in layout.mandatory and name.lower() not in described
    ]
    if missing:
        raise RecordError(
            f"has no value, but objects of the classes {', '.join(layout.classes)} must have one. Fill it at"
            " the source, or give the field a default.",
            field=missing[0],
        )


def changed_fields(record: SourceRecord, found: ObjectRecord, layout: Layout) -> list[FieldChange]:
    """What differs between a record and its object, without the fields that need a lookup.

    Raises:
        RecordError: for a value that the schema refuses, or a mandatory field that would lose its value.
    """
    changes = _compared(layout.compared, record, found, layout)
    if changes:
        changes += riding_fields(record, found, layout)
    for change in changes:
        if not change.new and change.field.lower() in layout.mandatory:
            raise RecordError(
                "would lose its only value, but the schema demands one. Fill it at the source, set"
                " keep_if_empty: true, or give the field a default.",
                field=change.field,
            )
    return changes


def riding_fields(record: SourceRecord, found: ObjectRecord, layout: Layout) -> list[FieldChange]:
    """Fields whose value is different at every run: they ride along with another change, but are no reason to
    write.
    """
    return _compared(layout.volatile, record, found, layout)


def _compared(
    indices: Sequence[int], record: SourceRecord, found: ObjectRecord, layout: Layout
) -> list[FieldChange]:
    found_changes = (
        _compare(
            layout.fields[i], layout.rules[i], record.values[i], found.values[i], exact=i in layout.exact
        )
        for i in indices
    )
    return [change for change in found_changes if change is not None]


def _compare(
    name: str, rule: FieldRule, wanted: Sequence[bytes] | None, present: Sequence[bytes], *, exact: bool
) -> FieldChange | None:
    if (
        wanted is None
        or wanted == present
        or (not wanted and (name.lower() == OBJECT_CLASS or all(map(is_blank, present))))
    ):
        return None
    new = {rule.normalise(value): rule.canonical(value) for value in reversed(wanted)}
    old = {rule.normalise(value): value for value in present}
    # A value that is the same by the schema's rule keeps the spelling that is there, unless that counts too.
    respelled = {
        key
        for key, value in new.items()
        if exact and key in old and rule.spelled(value) != rule.spelled(old[key])
    }
    if new.keys() == old.keys() and not respelled:
        return None
    added = [value for key, value in new.items() if key not in old or key in respelled]
    kept = [value for key, value in old.items() if key in new and key not in respelled]
    _check_values(added, rule, name, total=len(new))
    return FieldChange(name, tuple(sorted(present)), tuple(sorted(kept + added)), replace=not rule.equality)


def _distinct(values: Sequence[bytes], rule: FieldRule) -> tuple[bytes, ...]:
    """The values without those that the schema's rule takes for the same, sorted, so that equal plans are
    equal bytes.
    """
    if len(values) == 1:
        return (rule.canonical(values[0]),)
    return tuple(
        sorted({rule.normalise(value): rule.canonical(value) for value in reversed(values)}.values())
    )


def _check_values(values: Sequence[bytes], rule: FieldRule, name: str, *, total: int | None = None) -> None:
    if rule.single and (total or len(values)) > 1:
        raise RecordError(
            f"has {total or len(values)} values, but holds only one at the destination. Choose one with a"
            " transformation, or join them (delimiter).",
            field=name,
        )
    for value in values:
        if (problem := rule.check(value)) is not None:
            raise RecordError(problem, field=name)


def look_up(
    job: Job,
    layout: Layout,
    index: int,
    found: Found,
    present: Sequence[bytes],
    *,
    moved: Mapping[bytes, bytes],
    stored: Callable[[Sequence[bytes]], Collection[bytes]],
) -> LookedUp:
    """Compare one `members` or `resolve` field.

    Args:
        job: the job, for the field's mapping.
        layout: its layout.
        index: the field's index.
        found: the counterparts of the source's values.
        present: the object's values now.
        moved: normalised old id → normalised new id of objects that this plan moves; the server lets
            references follow.
        stored: those of the object's values that are stored; the others are computed by the directory.
    """
    result = LookedUp()
    name, rule = layout.fields[index], layout.rules[index]
    members = isinstance(job.fields[name], Members)
    for named in found.ambiguous:
        result.problems.append(
            f"{name}: {named} has more than one counterpart at the destination; make its key unique, or say"
            " with within where to look."
        )
    if found.missing:
        shown = ", ".join(found.missing[:3]) + (
            f" and {len(found.missing) - 3} more" if len(found.missing) > 3 else ""
        )
        alternative = "its present value stays" if present else "it is left empty"
        consequence = "no one is removed from this group" if members else alternative
        result.warnings.append(f"{name}: no counterpart at the destination for {shown}; {consequence}.")
    wanted = [identifier.encode() for identifier in found.ids]
    # Most members of most groups stay, spelled as they are.
    keys = {value: rule.normalise(value) for value in {*wanted, *present}}
    new = {keys[value]: value for value in wanted}
    old = {moved.get(keys[value], keys[value]): value for value in present}
    added = {key: value for key, value in new.items() if key not in old}
    removed = [value for key, value in old.items() if key not in new]
    result.followed = [(value, new[key]) for key, value in old.items() if key in new and keys[value] != key]
    if found.missing or found.ambiguous:
        # Who is not found may be the very one that would be removed.
        removed = []
    if members and removed:
        can_go = set(stored(removed))
        result.computed = len(removed) - len(can_go)
        removed = [value for value in removed if value in can_go]
    if not added and not removed:
        return result
    if members:
        result.ids = [value.decode() for value in added.values()]
        result.changes.append(
            FieldChange(
                name,
                tuple(sorted(removed)),
                tuple(sorted(added.values())),
                replace=not rule.equality,
                partial=True,
            )
        )
        if name.lower() in layout.mandatory and len(removed) == len(old) and not added:
            result.changes.clear()
            result.problems.append(
                f"{name}: the group would be left without members, but the schema demands one. Delete the"
                " group, or add a member."
            )
        return result
    if rule.single and len(new) > 1:
        result.problems.append(
            f"{name}: has {len(new)} counterparts, but holds only one value at the destination."
        )
        return result
    if rule.single and not removed and old:
        return result
    kept = [value for key, value in old.items() if key in new or value not in removed]
    result.ids = [value.decode() for value in added.values()]
    result.changes.append(
        FieldChange(
            name,
            tuple(sorted(present)),
            tuple(sorted([*kept, *added.values()])),
            replace=not rule.equality,
        )
    )
    return result
