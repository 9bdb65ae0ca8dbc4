"""Generated CSV and LDIF files that no program wrote on purpose: read, or refused with a clear error; never a
crash.

The corpus is the same in each run (`derandomize`); with `HOSTILE=N` it is N times as large.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chaos import hostile
from tests.chaos.test_hostile_corpus import corpus

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


@corpus(400)
@given(damaged(hostile.CSV), st.sampled_from(["utf-8", *hostile.ENCODINGS]))
def test_csv(folder: Path, content: bytes, encoding: str) -> None:
    """A damaged CSV file is read, or it is said which line is wrong; a row that is not whole says so and is
    no other row.
    """
    hostile.csv_file(folder, content, encoding)


@corpus(400)
@given(damaged(hostile.LDIF))
def test_ldif(folder: Path, content: bytes) -> None:
    """A damaged LDIF file is read, or it is said which line is wrong; no URL in it is ever followed."""
    hostile.ldif_file(folder, content)
