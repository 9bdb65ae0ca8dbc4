"""What the two reading processes do with each record: key, fingerprint, and the bytes that go to the spool."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import NamedTuple

from directory_sync.endpoints.protocol import Destination, Record, Source
from directory_sync.errors import RecordCancelled, RecordError
from directory_sync.plan.layout import Layout, usable
from directory_sync.plan.listing import Item, Rejected
from directory_sync.plan.mapping.transform import CompiledMapping


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


def load_source(data: bytes) -> SourceRecord:
    """Read what `source_items` put into the spool."""
    return SourceRecord(*marshal.loads(data))  # noqa: S302 - our own file, readable by nobody else


def load_object(data: bytes) -> ObjectRecord:
    """Read what `object_items` put into the spool."""
    return ObjectRecord(*marshal.loads(data))  # noqa: S302 - our own file, readable by nobody else


def source_items(source: Source, mapping: CompiledMapping, layout: Layout, *, always_compare: bool) -> Iterator[Item | Rejected]:
    """Read and map the source. `always_compare`: the fingerprint cannot tell that nothing is to be done."""
    for batch in source.read(mapping.source_fields):
        for record in batch:
            yield _source_item(record, mapping, layout, always_compare)


def _source_item(record: Record, mapping: CompiledMapping, layout: Layout, always_compare: bool) -> Item | Rejected:
    try:
        key_values = mapping.map_keys(record)
    except RecordError as error:
        return Rejected((), False, False, "", record.id, f"the key cannot be read: {error}")
    keys = layout.combinations(key_values)
    text = layout.key_text(value for values in key_values for value in values[:1])
    if record.problem:
        # What could not be read may be a part of a key that is computed, which then is the key of another object.
        return Rejected(keys, bool(keys) and mapping.copies_keys, False, text, record.id, record.problem)
    if not keys:
        empty = [layout.fields[i] for i, values in zip(layout.keys, key_values, strict=True) if not usable(values)]
        what = f"the key field {empty[0]} has no value" if empty else "the key fields have too many values"
        message = f"{what}, so its object cannot be told. Give it one, or filter it out."
        return Rejected((), False, False, text, record.id, message)
    if len(keys) > 1:
        several = next(layout.fields[i] for i, values in zip(layout.keys, key_values, strict=True) if len(values) > 1)
        message = f"the key field {several} has several values. Choose one with a transformation, or use another key."
        return Rejected(keys, True, False, text, record.id, message)
    try:
        mapped = mapping.map(record)
    except RecordCancelled as error:
        return Rejected(keys, True, True, text, record.id, str(error))
    except RecordError as error:
        return Rejected(keys, True, False, text, record.id, str(error))
    values = mapped.values
    fingerprint = b"" if always_compare else _fingerprint([values[i] for i in layout.compared])
    data = marshal.dumps((record.id, text, values, mapped.lookups, mapped.container))
    return Item(keys, fingerprint, data)


def object_items(
    destination: Destination, layout: Layout, *, always_compare: Callable[[str], bool] | None = None
) -> Iterator[Item]:
    """Read the destination's managed objects. `always_compare`: the ids of which the fingerprint cannot tell that all is done."""
    names = layout.fields
    identity = destination.identity_field
    wanted = (*names, identity) if identity else names
    for batch in destination.read(wanted):
        for record in batch:
            item = object_item(record, layout, identity)
            yield item._replace(fingerprint=b"") if always_compare is not None and always_compare(record.id) else item


def object_item(record: Record, layout: Layout, identity: str | None) -> Item:
    """One object with its keys and fingerprint."""
    values = [record.values.get(name) or [] for name in layout.fields]
    known = record.values.get(identity) if identity else None
    return Item(
        layout.combinations([values[i] for i in layout.keys]),
        _fingerprint([values[i] for i in layout.compared]),
        marshal.dumps((record.id, known[0] if known else None, values)),
    )


def _fingerprint(values: list[list[bytes] | None]) -> bytes:
    """Equal for equal sets of values in every field; empty where a field is to be left alone, for that cannot be told here.

    Raw bytes are compared: values that differ only as the schema allows are looked at again, with its rules.
    """
    canonical = []
    for found in values:
        if found is None:
            return b""
        canonical.append(found if len(found) < 2 else sorted(found))
    return blake2b(marshal.dumps(canonical, 2), digest_size=16).digest()
