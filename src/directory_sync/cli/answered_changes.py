"""Changes as the REST API of a running Airflow gives them, for a terminal and for files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from directory_sync.cli.terminal import data_output
from directory_sync.endpoints.change import Change, FieldChange, Mark, Result, Values, value_from_json
from directory_sync.portal.wire.plans import ChangeAnswer, Value
from directory_sync.present.shown import ShownChange, visible
from directory_sync.present.terminal import ChangeStyle, change_text
from directory_sync.printable import printable

_AS_WANTED = frozenset(result for result in Result if not result.is_trouble)


def change_lines(answer: ChangeAnswer, style: ChangeStyle) -> Iterator[str]:
    """The lines of one change; one more if it is not as it was wanted."""
    yield change_text(_shown(answer), style)
    if answer.result is not None and answer.result not in _AS_WANTED:
        message = f": {answer.message}" if answer.message else ""
        yield f"      {printable(answer.result + message)}\n"


def write_download(parts: Iterable[str]) -> None:
    """Write a text that comes from elsewhere to standard output; its own lines are all that it may decide."""
    stream = data_output()
    for part in parts:
        stream.write("\n".join(map(printable, part.split("\n"))))


def _shown(answer: ChangeAnswer) -> ShownChange:
    """A change as the server shows it: secrets are hidden there already."""
    fields = tuple(
        FieldChange(each.field, _values(each.old), _values(each.new), partial=each.partial)
        for each in answer.fields
    )
    change = Change(
        answer.action,
        answer.key,
        answer.object,
        answer.new_object or None,
        fields=fields,
        marks=tuple(Mark(mark.kind, mark.subject) for mark in answer.marks),
        name=answer.name or None,
    )
    return visible(change, lambda field: False)


def _values(values: Iterable[Value]) -> Values:
    return tuple(value_from_json(each if isinstance(each, str) else each.model_dump()) for each in values)
