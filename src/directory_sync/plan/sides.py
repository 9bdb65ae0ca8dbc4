"""What the two reading processes do with each record: key, fingerprint, and the bytes that go to the spool.

A record's bytes are two parts, each in `marshal`'s form: the values that decide whether its object is
updated, and all else. The fingerprint is made of the first part, so that nothing is turned into bytes twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from marshal import dumps, loads
from operator import itemgetter
from typing import Any, NamedTuple

from directory_sync.endpoints.contract import Destination, Record, Source
from directory_sync.endpoints.evidence import Ending
from directory_sync.endpoints.key_order import KeysRead
from directory_sync.errors import RecordCancelled, RecordError
from directory_sync.plan.layout import Layout, usable
from directory_sync.plan.listing import Rejected, Sink, Totals
from directory_sync.plan.mapping.transform import CompiledMapping
from directory_sync.plan.past import UNIDENTIFIED, Identities, compact, key_identity

_LENGTH = 4
_FINGERPRINT = 16


class SourceRecord(NamedTuple):
    """A mapped source record, as the spool keeps it.

    Attributes:
        id: where it was read.
        key: as people read it.
        values: for each field of the layout; None: leave the destination's values alone.
        lookups: field name → source values of `members` and `resolve` fields.
        container: where a new object goes, if that is computed.
    """

    id: str
    key: str
    values: list[list[bytes] | None]
    lookups: dict[str, list[bytes]]
    container: str | None


class ObjectRecord(NamedTuple):
    """An object at the destination, as the spool keeps it; `values` for each field of the layout."""

    id: str
    identity: bytes | None
    values: list[list[bytes]]


class Item(NamedTuple):
    """One object, read.

    Attributes:
        keys: normalised.
        fingerprint: of the values that are compared.
        record: the bytes that `load_object` reads.
        identity: as `past` keeps it; `UNIDENTIFIED` where it is not shown.
    """

    keys: tuple[bytes, ...]
    fingerprint: bytes
    record: bytes
    identity: bytes


_item = partial(tuple.__new__, Item)
"""`Item._make`, at a third of its time."""


def load_source(data: bytes, layout: Layout) -> SourceRecord:
    """Read what `read_source` put into the spool."""
    values, (id, lookups, container) = _load(data, layout)
    key = layout.key_text(value for i in layout.keys for value in values[i][:1])
    return SourceRecord(id, key, values, lookups, container)


def load_object(data: bytes, layout: Layout) -> ObjectRecord:
    """Read what `read_objects` put into the spool."""
    values, (id, identity) = _load(data, layout)
    return ObjectRecord(id, identity, values)


def key_values(data: bytes, layout: Layout) -> list[bytes]:
    """The values of the first key field of a source record in the spool, without the rest of it."""
    key = layout.keys[0]
    if key in layout.others:
        return _rest(data)[0][layout.others.index(key)] or []
    return loads(data[_LENGTH:])[layout.compared.index(key)] or []  # noqa: S302 - our own file


def object_id(data: bytes) -> str:
    """The id of an object in the spool, without the rest of it."""
    return str(_rest(data)[1])


def read_source(
    source: Source, mapping: CompiledMapping, layout: Layout, sink: Sink, *, always_compare: bool
) -> None:
    """Read and map the source. `always_compare`: the fingerprint cannot tell that nothing is to be done."""
    compared, others, add, map_record = (
        _picker(layout.compared),
        _picker(layout.others),
        sink.add,
        mapping.map,
    )
    keys_of, may_leave = layout.keys_of, mapping.may_leave
    read, key, line = KeysRead(), layout.keys[0], 0
    note: Callable[[Any], None] = read.noted.append
    if len(layout.keys) > 1:
        read.give_up()

    def reject(rejected: Rejected) -> None:
        if len(rejected.keys) == 1:
            note((rejected.key.encode(),))
        else:
            read.give_up()
        sink.reject(rejected)

    listing = Ending(source.read(mapping.source_fields))
    for batch in listing:
        for record in batch:
            if record.problem:
                reject(_rejected(record, mapping, layout, None)._replace(cut_off=record.cut_off))
                continue
            try:
                values, lookups, container = map_record(record)
            except RecordError as error:
                reject(_rejected(record, mapping, layout, error))
                continue
            keys = keys_of(values)
            if len(keys) != 1:
                reject(_rejected(record, mapping, layout, None))
                continue
            note(values[key])
            wanted = compared(values)
            decisive = dumps(wanted, 2)
            # What is to be left alone can be told only where the object's values are known.
            undecided = always_compare or (may_leave and None in wanted)
            fingerprint = b"" if undecided else _fingerprint(decisive)
            add(
                keys,
                fingerprint,
                _joined(decisive, dumps((others(values), record.id, lookups, container), 2)),
            )
        read.look()
        line = batch[-1].line if batch else line
    sink.totals = Totals(evidence=replace(listing.said, last=read.last(line=line)))


def _rejected(
    record: Record, mapping: CompiledMapping, layout: Layout, error: RecordError | None
) -> Rejected:
    """Why a record cannot be used.

    `error`: what mapping it raised; None if it was not mapped, or has not exactly one key.
    """
    try:
        key_values = mapping.map_keys(record)
    except RecordError as unreadable:
        return Rejected((), False, False, "", record.id, f"the key cannot be read: {unreadable}")
    keys = layout.combinations(key_values)
    text = layout.key_text(value for values in key_values for value in values[:1])
    if record.problem:
        # What could not be read may be a part of a key that is computed, which then is the key of another
        # object.
        return Rejected(keys, bool(keys) and mapping.copies_keys, False, text, record.id, record.problem)
    if not keys:
        empty = [
            layout.fields[i] for i, values in zip(layout.keys, key_values, strict=True) if not usable(values)
        ]
        what = f"the key field {empty[0]} has no value" if empty else "the key fields have too many values"
        message = f"{what}, so its object cannot be told. Give it one, or filter it out."
        return Rejected((), False, False, text, record.id, message)
    if len(keys) > 1:
        several = next(
            layout.fields[i] for i, values in zip(layout.keys, key_values, strict=True) if len(values) > 1
        )
        message = (
            f"the key field {several} has several values. Choose one with a transformation, or use another"
            " key."
        )
        return Rejected(keys, True, False, text, record.id, message)
    return Rejected(keys, True, isinstance(error, RecordCancelled), text, record.id, str(error))


def read_objects(
    destination: Destination,
    layout: Layout,
    sink: Sink,
    *,
    known: Identities,
    is_source: Callable[[str], bool] | None = None,
    is_departed: Callable[[str], bool] | None = None,
) -> None:
    """Read the destination's selected objects.

    One that cannot be read is taken in without a key and without an identity, and its keys are rejected.

    Args:
        destination: is read.
        layout: of the job.
        sink: takes them in.
        known: the objects that the job knows.
        is_source: the ids of objects that are records of the source: those are left out.
        is_departed: the ids of objects that are where the job moves those without a record; a fingerprint
            cannot tell that nothing is to be done for them.
    """
    identity_field = destination.identity_field
    wanted = (*layout.fields, identity_field) if identity_field else layout.fields
    make_item = item_maker(layout, destination)
    unseen = set(known)
    departed = departed_known = 0
    listing = Ending(destination.read(wanted))
    for batch in listing:
        for record in batch:
            if is_source is not None and is_source(record.id):
                continue
            keys, fingerprint, data, identity = make_item(record)
            if record.problem:
                # It is there; what else it is like, no one knows.
                unseen.discard(identity)
                sink.reject(Rejected(keys, True, False, "", record.id, record.problem))
                sink.add((), b"", data, UNIDENTIFIED)
                continue
            unknown: bytes | None = None
            if identity in unseen:
                unseen.remove(identity)
            elif identity not in known:
                unknown = identity
            if is_departed is not None and is_departed(record.id):
                fingerprint = b""
                departed += 1
                departed_known += unknown is None
            sink.add(keys, fingerprint, data, unknown)
    sink.totals = Totals(b"".join(unseen), departed, departed_known, listing.said)


def item_maker(layout: Layout, destination: Destination) -> Callable[[Record], Item]:
    """A function that makes an item of a record of the destination."""
    identity, is_file = destination.identity_field, destination.region is None
    names, compared, others = layout.fields, _picker(layout.compared), _picker(layout.others)

    def make_item(record: Record) -> Item:
        get = record.values.get
        # Values are sets, so the order in which a server sends them goes.
        values = [
            found if (found := get(name)) and len(found) == 1 else sorted(found or ()) for name in names
        ]
        shown = get(identity) if identity else None
        decisive = dumps(compared(values), 2)
        rest = dumps((others(values), record.id, shown[0] if shown else None), 2)
        keys = layout.keys_of(values)
        known_by = UNIDENTIFIED
        if is_file:
            known_by = key_identity(keys)
        elif shown:
            known_by = compact(shown[0])
        return _item((keys, _fingerprint(decisive), _joined(decisive, rest), known_by))

    return make_item


def _fingerprint(decisive: bytes) -> bytes:
    """Equal for equal sets of values in every field that is compared. Made of version 2 of `marshal`, which
    has no references.

    Raw bytes are compared: values that differ only as the schema allows are looked at again, with its rules.
    """
    return sha256(decisive).digest()[:_FINGERPRINT]


# -- records as bytes ----------------------------------------------------------------------------------------


def _picker(indices: Sequence[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """A function that takes these items out of a sequence."""
    if not indices:
        return lambda _: ()
    if len(indices) == 1:
        (only,) = indices
        return lambda values: (values[only],)
    # Several times faster than a loop, but of no use for one item.
    return itemgetter(*indices)


def _joined(decisive: bytes, rest: bytes) -> bytes:
    return len(decisive).to_bytes(_LENGTH, "little") + decisive + rest


def _rest(data: bytes) -> tuple[Any, ...]:
    start = _LENGTH + int.from_bytes(data[:_LENGTH], "little")
    return loads(data[start:])  # type: ignore[no-any-return]  # noqa: S302 - our own file, readable by no one else


def _load(data: bytes, layout: Layout) -> tuple[list[Any], tuple[Any, ...]]:
    """The values in the order of the layout's fields, and what else there is."""
    others, *more = _rest(data)
    values: list[Any] = [None] * len(layout.fields)
    decisive = loads(data[_LENGTH:])  # noqa: S302 - likewise; what follows the first part is not looked at
    for indices, found in ((layout.compared, decisive), (layout.others, others)):
        for index, held in zip(indices, found, strict=True):
            values[index] = held
    return values, tuple(more)
