"""The entries of an LDIF file in memory, and what happens to each change to them. Touches no file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from directory_sync.dn import naming_values, parse, rebased
from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from directory_sync.endpoints.files.ldif_reading import Entry
from directory_sync.endpoints.files.names import DN_FIELD, NAMES, is_below, same_text
from directory_sync.endpoints.ldif import content_record


class LdifEntries:
    """Blocks of a file in its order; new entries follow, containers before what is in them.

    Args:
        blocks: of the file.
        label: names the file in messages.
        identity_field: the attribute of `Change.identity`.
    """

    def __init__(self, blocks: Iterable[Entry], label: str, *, identity_field: str | None = None) -> None:
        self._label = label
        self._identity_field = identity_field
        self._blocks: dict[int, Entry] = dict(enumerate(blocks))
        self._created: dict[str, Entry] = {}
        self._changed: set[int] = set()
        self._places: dict[str, list[int]] = {}
        for place, block in self._blocks.items():
            if block.named and block.dn is not None:
                self._places.setdefault(NAMES.normalise(block.dn), []).append(place)

    def apply(self, sequence: int, change: Change, *, retried: bool) -> Outcome:
        """Carry one change out, unless the entry is not as the change saw it.

        `retried` says that an earlier attempt may have carried the change out already.
        """

        def outcome(result: Result, message: str = "") -> Outcome:
            return Outcome(sequence, result, f"{self._label}: {change.object}: {message}" if message else "")

        try:
            parse(change.object)
            parse(change.final_object)
        except ValueError as error:
            return outcome(Result.FAILED, f"{error}. Correct the mapping of the name.")
        if change.action is Action.CREATE:
            return outcome(*self._create(change, retried=retried))
        return outcome(*self._modify(change, retried=retried))

    def content(self) -> Iterator[bytes]:
        """The new content of the file, in pieces."""
        yield b"version: 1\n\n"
        for place, block in sorted(self._blocks.items()):
            if place not in self._changed:
                # The last block of a file may lack the blank line that parts it from what follows now.
                yield block.raw.lstrip(b"\r\n").rstrip(b"\r\n") + b"\n\n"
            else:
                yield self._record(block)
        for _, entry in sorted(self._created.items(), key=lambda item: (len(parse(item[0])), item[0])):
            yield self._record(entry)

    # -- creating --------------------------------------------------------------------------------------------

    def _create(self, change: Change, *, retried: bool) -> tuple[Result, str]:
        dn = NAMES.normalise(change.final_object)
        attributes = {
            field.field: list(field.new)
            for field in change.fields
            if field.new and field.field.lower() != DN_FIELD
        }
        found = self._find(dn)
        if len(found) == 1 and retried and not found[0].problem:
            present = found[0]
            if all(set(present.values(name)) >= set(values) for name, values in attributes.items()):
                return Result.FOUND_DONE, ""
        if found:
            return Result.CONFLICT, "the entry exists already. Run the job again to compare with it."
        entry = Entry(0, dn=change.final_object, attributes=attributes, named=True)
        _name_entry(entry)
        self._created[dn] = entry
        return Result.DONE, ""

    # -- changing --------------------------------------------------------------------------------------------

    def _modify(self, change: Change, *, retried: bool) -> tuple[Result, str]:
        old, new = NAMES.normalise(change.object), NAMES.normalise(change.final_object)
        found = self._find(old)
        if retried and self._is_found_done(change, found, old, new):
            return Result.FOUND_DONE, ""
        if not found:
            return (
                Result.CONFLICT,
                "no entry has this name any more. Run the job again to see what is to be done now.",
            )
        if len(found) > 1:
            lines = ", ".join(str(entry.line) for entry in found)
            return (
                Result.FAILED,
                f"the file holds this entry {len(found)} times (lines {lines}). Take all but one out.",
            )
        entry = found[0]
        if entry.problem:
            return Result.FAILED, entry.problem
        if self._is_another(entry, change):
            return Result.CONFLICT, "another entry has this name now. Run the job again to compare."
        if differing := [field.field for field in change.fields if not _is_as_seen(entry, field)]:
            return (
                Result.CONFLICT,
                f"someone changed {', '.join(differing)} meanwhile. Run the job again to compare.",
            )
        if change.action is Action.DELETE:
            return self._delete(old)
        if new != old and self._find(new):
            return (
                Result.CONFLICT,
                f"there is an entry {change.final_object} already. Run the job again to compare with it.",
            )
        for field in change.fields:
            _write_field(entry, field)
        if change.new_object is not None and change.new_object != change.object:
            self._rename(entry, change)
        self._mark_changed(NAMES.normalise(entry.dn or ""))
        return Result.DONE, ""

    def _is_found_done(self, change: Change, found: Sequence[Entry], old: str, new: str) -> bool:
        if change.action is Action.DELETE:
            return not (found or self._may_have_another_name(change))
        if old != new and found:
            return False
        after = self._find(new)
        if (
            len(after) != 1
            or after[0].problem
            or (change.new_object is not None and after[0].dn != change.new_object)
        ):
            return False
        return all(_is_done(after[0], field) for field in change.fields)

    def _may_have_another_name(self, change: Change) -> bool:
        if change.identity is None or self._identity_field is None:
            return False
        return self._identities is None or change.identity in self._identities

    @cached_property
    def _identities(self) -> frozenset[bytes] | None:
        """Of all entries; None if one cannot be read, for it may have any."""
        field = self._identity_field or ""
        if any(entry.problem for entry in self._blocks.values()):
            return None
        return frozenset(value for entry in self._blocks.values() for value in entry.values(field))

    def _is_another(self, entry: Entry, change: Change) -> bool:
        if change.identity is None or self._identity_field is None:
            return False
        return change.identity not in entry.values(self._identity_field)

    def _delete(self, dn: str) -> tuple[Result, str]:
        if any(is_below(other, dn) for other in (*self._places, *self._created)):
            return Result.FAILED, "there are entries below it, so it was not deleted. Delete those first."
        for place in self._places.pop(dn, ()):
            del self._blocks[place]
        self._created.pop(dn, None)
        return Result.DONE, ""

    def _rename(self, entry: Entry, change: Change) -> None:
        assert change.new_object is not None
        touched = {field.field.lower() for field in change.fields}
        fresh = naming_values(change.new_object)
        for name, value in naming_values(change.object):
            stays = any(name.lower() == n.lower() and same_text(value, v) for n, v in fresh)
            if name.lower() not in touched and not stays:
                _set(entry, name, [held for held in entry.values(name) if not same_text(held, value)])
        old = NAMES.normalise(change.object)
        for below in [dn for dn in (*self._places, *self._created) if dn == old or is_below(dn, old)]:
            moved = NAMES.normalise(rebased(below, change.object, change.new_object))
            for other in self._find(below):
                other.dn = rebased(other.dn or "", change.object, change.new_object)
            if below in self._created:
                self._created[moved] = self._created.pop(below)
            else:
                self._places[moved] = self._places.pop(below)
                self._changed.update(self._places[moved])
        _name_entry(entry)

    def _find(self, dn: str) -> list[Entry]:
        if dn in self._created:
            return [self._created[dn]]
        return [self._blocks[place] for place in self._places.get(dn, ())]

    def _mark_changed(self, dn: str) -> None:
        self._changed.update(self._places.get(dn, ()))

    @staticmethod
    def _record(entry: Entry) -> bytes:
        return content_record(entry.dn or "", entry.attributes).encode("ascii")


def _name_entry(entry: Entry) -> None:
    """Add the RDN's values to the attributes, where every directory has them (RFC 4512, section 2.3.1)."""
    for name, value in naming_values(entry.dn or ""):
        held = next((values for held, values in entry.attributes.items() if held.lower() == name.lower()), [])
        if not any(same_text(value, other) for other in held):
            _set(entry, name, [*held, value])


def _is_as_seen(entry: Entry, field: FieldChange) -> bool:
    if field.field.lower() == DN_FIELD:
        return True
    held = set(entry.values(field.field))
    if field.partial:
        return held >= set(field.old) and held.isdisjoint(field.new)
    return held == set(field.old)


def _is_done(entry: Entry, field: FieldChange) -> bool:
    if field.field.lower() == DN_FIELD:
        return True
    held = set(entry.values(field.field))
    if field.partial:
        return held >= set(field.new) and held.isdisjoint(field.old)
    return held == set(field.new)


def _write_field(entry: Entry, field: FieldChange) -> None:
    if field.field.lower() == DN_FIELD:
        return
    if not field.partial:
        _set(entry, field.field, field.new)
        return
    gone = set(field.old)
    kept = [value for value in entry.values(field.field) if value not in gone]
    _set(entry, field.field, [*kept, *field.new])


def _set(entry: Entry, name: str, values: Sequence[bytes]) -> None:
    spelled = next((held for held in entry.attributes if held.lower() == name.lower()), name)
    if values:
        entry.attributes[spelled] = list(values)
    else:
        entry.attributes.pop(spelled, None)
