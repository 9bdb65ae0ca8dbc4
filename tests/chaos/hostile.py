"""What must hold for any octets whatever, of each part that reads what others wrote; hypothesis and
`make fuzz` make the octets.

Each function returns if all is well: what it was given is read, or refused with an error that says where and
why.
"""

# ruff: noqa: PT017 - an error is one of the two ways in which all can be well

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from directory_sync.definition.expressions.sandbox import MAX_SECONDS, MAX_TEXT
from directory_sync.definition.expressions.templating import compile_template
from directory_sync.definition.filters import FilterError, Not, matches, parse, to_text
from directory_sync.definition.loading import load_text
from directory_sync.definition.models import FileEndpoint
from directory_sync.definition.problems import explain
from directory_sync.definition.support import refuse_unsupported
from directory_sync.endpoints.contract import Record
from directory_sync.errors import DefinitionError, DirectorySyncError, EndpointError, RecordError
from tests.scenarios.files import file_destination, file_source

CSV = b'id;name;mail\n1;"Fry; Philip";fry@x\n2;Lee"la;\n3;"a\nb";"c""d"\n'
CSV_FIELDS = ("id", "name", "mail")
LDIF = (
    b"version: 1\n# people\ndn: cn=Fry,dc=x\nobjectClass: person\ncn: Fry\nsn:: RnJ5\ndescription: a\n b\n\n"
    b"dn:: Y249TGVlbGEsZGM9eA==\nobjectClass: person\ncn: Leela\nsn: L\nuid: l\njpegPhoto:<"
    b" file:///etc/passwd\n\n"
    b"dn: cn=Amy,dc=x\nchangetype: add\nobjectClass: person\ncn: Amy\nsn;lang-de: W\n"
)
LDIF_FIELDS = ("cn", "uid", "sn", "description", "jpegPhoto")
ENCODINGS = ("utf-8", "cp1252", "utf-16")

_SPARE = 4.0
"""Seconds that one step of a template may take on a busy machine after its time was over."""


def is_clear(error: DirectorySyncError) -> None:
    """A message says something, ends as a sentence does, and shows no object of Python's."""
    text = str(error)
    assert text.strip(), type(error)
    assert "unexpected" not in text
    assert not re.search(r"<[\w.]+ object at 0x|Traceback|NoneType", text), text


# -- definitions ---------------------------------------------------------------------------------------------


def definition(text: str, file: str = "hostile.yaml") -> None:
    """A definition loads, and says the same when it is written down again; or each problem has a place."""
    try:
        collection = load_text(text, file).collection
    except DefinitionError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.line >= 1
            assert problem.column >= 1
            assert re.match(rf"{re.escape(file)}:\d+", str(problem)), problem
            assert "\n" not in str(problem)
            assert explain(problem, text).startswith(str(problem))
        return
    again = type(collection).model_validate(collection.model_dump(mode="json", by_alias=True))
    assert again == collection
    try:
        refuse_unsupported(collection, collection.jobs, script_modules=())
    except DirectorySyncError as error:
        is_clear(error)


# -- filters -------------------------------------------------------------------------------------------------


def _normalise(attribute: str, value: bytes) -> bytes:
    """As a directory does it: case and runs of blanks do not matter; numbers are numbers, and what is none
    has no form.
    """
    if attribute == "uidnumber":
        return b"%d" % int(value[:20])
    return b" ".join(value.lower().split())


def filter_and_values(text: str, values: Mapping[str, list[bytes]]) -> None:
    """A filter survives being written down, and says true, false or Undefined of an object; or the mistake
    has a position.
    """
    try:
        found = parse(text)
    except FilterError as error:
        assert 0 <= error.position <= len(text)
        assert str(error).endswith(f"(at character {error.position + 1})")
        return
    assert parse(to_text(found)) == found
    said = matches(found, values, _normalise)
    assert said in (True, False, None)
    # RFC 4511, section 4.5.1.7: Not turns true and false round and leaves Undefined as it is.
    assert matches(Not(found), values, _normalise) is (None if said is None else not said)


# -- templates -----------------------------------------------------------------------------------------------


def template(text: str, values: Mapping[str, list[bytes]], *, names: bool = False) -> None:
    """A template gives a bounded text for a record, or an error that says why; soon, whatever it asks for."""
    try:
        compiled = compile_template(text, names=names)
    except ValueError as error:
        assert str(error).strip()
        return
    begun = time.monotonic()
    try:
        made = compiled.render(values)
    except RecordError as error:
        is_clear(error)
    else:
        assert len(made) <= MAX_TEXT
        made.encode()
    assert time.monotonic() - begun < MAX_SECONDS + _SPARE


# -- files ---------------------------------------------------------------------------------------------------


def csv_file(folder: Path, content: bytes, encoding: str) -> None:
    """A CSV file is read, or it is said which line is wrong; a row that is not whole says so and is no other
    row.
    """
    endpoint = FileEndpoint(file="staff.csv", delimiter=";", encoding=encoding)
    read = _both_sides(folder / endpoint.file, content, CSV_FIELDS, endpoint)
    _filtered(folder, endpoint, "(|(id=1)(!(name=*)))", CSV_FIELDS, read)
    _cut_off(folder, endpoint, CSV_FIELDS, read)


def ldif_file(folder: Path, content: bytes) -> None:
    """An LDIF file is read, or it is said which line is wrong; no URL in it is ever followed."""
    endpoint = FileEndpoint(file="people.ldif")
    read = _both_sides(folder / endpoint.file, content, LDIF_FIELDS, endpoint)
    for record in read or ():
        assert not any(
            b"root:x:" in value for value in record.values.get("jpegPhoto", ()) if value not in content
        )
    _filtered(folder, endpoint, "(&(cn=*)(!(sn=L*)))", LDIF_FIELDS, read)
    _cut_off(folder, endpoint, LDIF_FIELDS, read)


def _filtered(
    folder: Path, definition: FileEndpoint, filter: str, fields: Sequence[str], read: list[Record] | None
) -> None:
    """A filter takes records out and changes none; each is taken by the filter or by its negation, or its
    fate is unknown.
    """
    if read is None:
        return
    kept: list[Record] = []
    for text in (filter, f"(!{filter})"):
        endpoint = file_source(definition.model_copy(update={"filter": text}), folder)
        names = endpoint.fields()
        try:
            chosen = [
                record
                for batch in endpoint.read([f for f in fields if names is None or f in names])
                for record in batch
            ]
        except EndpointError as error:
            is_clear(error)
            return
        assert all(record in read for record in chosen)
        kept += chosen
    assert all(record in kept for record in read)


def _cut_off(
    folder: Path, definition: FileEndpoint, fields: Sequence[str], read: list[Record] | None
) -> None:
    """At most the last record says that the file may have been cut off, and none of a file that is said to be
    whole.
    """
    assert not any(record.cut_off and not record.problem for record in read or ())
    assert not any(record.cut_off for record in (read or ())[:-1])
    endpoint = file_source(definition.model_copy(update={"complete": True}), folder)
    names = _told(lambda: [Record("x", {name: [] for name in endpoint.fields() or fields})], definition.file)
    wanted = [field for field in fields if names and field in names[0].values]
    whole = _told(lambda: [record for batch in endpoint.read(wanted) for record in batch], definition.file)
    assert not any(record.cut_off for record in whole or ())


def _told(work: Callable[[], list[Record]], file: str) -> list[Record] | None:
    """What is read; None if there is a clear reason why not, which names the file and a remedy."""
    try:
        records = work()
    except EndpointError as error:
        is_clear(error)
        assert file in str(error)
        assert error.remedy, str(error)
        return None
    except DirectorySyncError as error:
        is_clear(error)
        return None
    for record in records:
        assert record.id or record.problem
        if record.problem:
            is_clear(RecordError(record.problem))
    return records


def _both_sides(
    path: Path, content: bytes, fields: Sequence[str], definition: FileEndpoint
) -> list[Record] | None:
    """Read a file as source and as destination; reading never changes it, and what is read twice is the
    same.
    """
    path.write_bytes(content)

    def source() -> list[Record]:
        endpoint = file_source(definition, path.parent)
        endpoint.check()
        names = endpoint.fields()
        wanted = [field for field in fields if names is None or field in names]
        found = [record for batch in endpoint.read(wanted) for record in batch]
        for record in found:
            endpoint.selects(record)
            endpoint.names.normalise(record.id)
        return found

    def destination() -> list[Record]:
        endpoint = file_destination(
            definition, path.parent, keys=fields[:1], fields=fields, naming_attribute=fields[0]
        )
        endpoint.check()
        return [record for batch in endpoint.read(fields) for record in batch]

    first = _told(source, path.name)
    assert _told(source, path.name) == first
    _told(destination, path.name)
    assert path.read_bytes() == content
    return first
