"""Generated CSV and LDIF files that no program wrote on purpose: read, or refused with a clear error; never a crash.

The corpus is the same in each run (`derandomize`); with `HOSTILE=N` it is N times as large.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.definition.models import FileEndpoint
from directory_sync.endpoints.files import file_destination, file_source
from directory_sync.endpoints.protocol import Record
from directory_sync.errors import DirectorySyncError, EndpointError, RecordError
from tests.chaos.test_hostile_corpus import corpus, is_clear

CSV = b'id;name;mail\n1;"Fry; Philip";fry@x\n2;Lee"la;\n3;"a\nb";"c""d"\n'
LDIF = (
    b"version: 1\n# people\ndn: cn=Fry,dc=x\nobjectClass: person\ncn: Fry\nsn:: RnJ5\ndescription: a\n b\n\n"
    b"dn:: Y249TGVlbGEsZGM9eA==\nobjectClass: person\ncn: Leela\nsn: L\nuid: l\njpegPhoto:< file:///etc/passwd\n\n"
    b"dn: cn=Amy,dc=x\nchangetype: add\nobjectClass: person\ncn: Amy\nsn;lang-de: W\n"
)
_PIECES = [
    *(
        b"\0",
        b"\r",
        b"\n",
        b"\r\n",
        b"\n\n",
        b"\n ",
        b'"',
        b'""',
        b'"\n',
        b";",
        b",",
        b"\t",
        b"'",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xfe\xff",
    ),
    *(
        b"\xed\xa0\x80",
        b":",
        b"::",
        b":<",
        b": ",
        b"dn: ",
        b"dn:: ",
        b"dn: cn=Fry,dc=x\n",
        b"-\n",
        b"version: 2\n",
        b"changetype: modrdn\n",
    ),
    *(
        b"changetype: delete\n",
        b"control: 1.1\n",
        b"=",
        b"====",
        b"#",
        b"\\",
        b"\\2",
        b"x" * 9000,
        b"id;id;id\n",
        b"sep=;\n",
        b"\x1a",
        b"\x0c",
    ),
    *(b"\xe2\x80\xa8", b"\xc2\x85", b"\xc2\xa0", "é".encode("latin-1"), "💥".encode()),
]


def damaged(text: bytes) -> st.SearchStrategy[bytes]:
    """A right file with pieces put in, taken out, doubled or cut off, or octets that were never one."""

    @st.composite
    def build(draw: st.DrawFn) -> bytes:
        content = text
        for _ in range(draw(st.integers(1, 4))):
            at, length = draw(st.integers(0, len(content))), draw(st.integers(0, 12))
            match draw(st.sampled_from(["put", "put", "put", "take", "double", "cut"])):
                case "put":
                    content = content[:at] + draw(st.sampled_from(_PIECES)) + content[at:]
                case "take":
                    content = content[:at] + content[at + length :]
                case "double":
                    content += content[at:]
                case _:
                    content = content[: max(1, at)]
        return content

    return build() | st.lists(st.sampled_from(_PIECES), max_size=30).map(b"".join) | st.binary(max_size=200)


@pytest.fixture(scope="module")
def folder() -> Path:
    """A data folder that all examples write into, one after another."""
    return Path(tempfile.mkdtemp(prefix="hostile-"))


def names_place_and_remedy(error: EndpointError, file: str) -> None:
    """The message names the file and what to do."""
    assert file in str(error)
    assert error.remedy, str(error)


def told(work: Callable[[], list[Record]], file: str) -> list[Record] | None:
    """What is read; None if there is a clear reason why not, which names the file and a remedy."""
    try:
        records = work()
    except EndpointError as error:
        is_clear(error)
        names_place_and_remedy(error, file)
        return None
    except DirectorySyncError as error:
        is_clear(error)
        return None
    for record in records:
        assert record.id
        if record.problem:
            is_clear(RecordError(record.problem))
    return records


def both_sides(folder: Path, name: str, content: bytes, fields: list[str], encoding: dict[str, str]) -> None:
    """Read a file as source and as destination; reading never changes it, and what is read twice is the same."""
    path = folder / name
    path.write_bytes(content)

    def source() -> list[Record]:
        endpoint = file_source(FileEndpoint(file=name, **encoding), folder)
        endpoint.check()
        names = endpoint.fields()
        wanted = [field for field in fields if names is None or field in names]
        found = [record for batch in endpoint.read(wanted) for record in batch]
        for record in found:
            endpoint.selects(record)
            endpoint.normalise_id(record.id)
        return found

    def destination() -> list[Record]:
        endpoint = file_destination(
            FileEndpoint(file=name, **encoding), folder, keys=fields[:1], fields=fields, naming_attribute=fields[0]
        )
        endpoint.check()
        return [record for batch in endpoint.read(fields) for record in batch]

    first = told(source, name)
    assert told(source, name) == first
    told(destination, name)
    assert path.read_bytes() == content


@corpus(400)
@given(damaged(CSV), st.sampled_from(["utf-8", "utf-8", "cp1252", "utf-16"]))
def test_csv(folder: Path, content: bytes, encoding: str) -> None:
    """A damaged CSV file is read, or it is said which line is wrong; a row that is not whole says so and is no other row."""
    both_sides(folder, "staff.csv", content, ["id", "name", "mail"], {"delimiter": ";", "encoding": encoding})


@corpus(400)
@given(damaged(LDIF))
def test_ldif(folder: Path, content: bytes) -> None:
    """A damaged LDIF file is read, or it is said which line is wrong; no URL in it is ever followed."""
    both_sides(folder, "people.ldif", content, ["cn", "uid", "sn", "description", "jpegPhoto"], {})
    if b"file:///etc/passwd" in content:
        endpoint = file_source(FileEndpoint(file="people.ldif"), folder)
        found = told(lambda: [record for batch in endpoint.read(["jpegPhoto"]) for record in batch], "people.ldif")
        assert not [record for record in found or () if any(b"root:" in value for value in record.values.get("jpegPhoto", ()))]
