"""CSV files as source and destination, on a real file system."""

from __future__ import annotations

import csv
import fcntl
import io
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directory_sync.definition.models import FileEndpoint
from directory_sync.endpoints.blanks import BLANKS
from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from directory_sync.endpoints.contract import Destination, Record, Source
from directory_sync.endpoints.files import csv_format, replacing, rewriting
from directory_sync.endpoints.files.csv_destination import CsvDestination
from directory_sync.endpoints.files.csv_source import CsvSource
from directory_sync.errors import (
    EndpointError,
    EndpointUnavailable,
    IncompleteListing,
    LeaseLost,
    MissingObjectError,
    RecordError,
    SchemaError,
    UnsupportedError,
)
from tests.scenarios.examples import examples
from tests.scenarios.files import file_destination, file_source


def source(folder: Path, content: bytes | None, name: str = "staff.csv", **options: Any) -> CsvSource:
    """A source with this content."""
    if content is not None:
        (folder / name).write_bytes(content)
    made = file_source(FileEndpoint(file=name, **options), folder)
    assert isinstance(made, CsvSource)
    return made


def destination(
    folder: Path,
    content: bytes | None = None,
    *,
    keys: Iterable[str] = ("id",),
    fields: Iterable[str] = ("id", "name"),
    **options: Any,
) -> CsvDestination:
    """A destination with this content now."""
    if content is not None:
        (folder / "out.csv").write_bytes(content)
    made = file_destination(
        FileEndpoint(file="out.csv", **options),
        folder,
        keys=tuple(keys),
        fields=tuple(fields),
        naming_attribute="cn",
    )
    assert isinstance(made, CsvDestination)
    return made


def row(line: int, values: dict[str, list[bytes]]) -> Record:
    """The record that begins at a line of the file."""
    return Record(f"line {line}", values, line=line)


def records(endpoint: CsvSource, *fields: str) -> list[Record]:
    """Everything that is read."""
    return [record for batch in endpoint.read(fields) for record in batch]


def field(name: str, old: str = "", new: str = "") -> FieldChange:
    """A change of a cell."""
    return FieldChange(name, (old.encode(),) if old else (), (new.encode(),) if new else ())


def create(id: str, **values: str) -> Change:
    """A new row."""
    return Change(
        Action.CREATE,
        id,
        id,
        fields=(field("id", "", id), *(field(name, "", value) for name, value in values.items())),
    )


def update(id: str, *fields: FieldChange) -> Change:
    """Changed cells of a row."""
    return Change(Action.UPDATE, id, id, fields=fields)


def delete(id: str, **values: str) -> Change:
    """A row that goes."""
    return Change(Action.DELETE, id, id, fields=tuple(field(name, value) for name, value in values.items()))


def write(
    endpoint: Destination,
    *changes: Change,
    verify: Iterable[int] = (),
    before_send: Callable[[], None] = lambda: None,
) -> list[Outcome]:
    """Carry changes out."""
    return list(endpoint.write(enumerate(changes), before_send=before_send, verify=frozenset(verify)))


def results(outcomes: Iterable[Outcome]) -> list[Result]:
    """The results alone."""
    return [outcome.result for outcome in outcomes]


# -- reading -------------------------------------------------------------------------------------------------


def test_reading(tmp_path: Path) -> None:
    """A record per row, an empty cell is absent, blank lines are nothing, ids are lines, names are spelled as
    asked for.
    """
    endpoint = source(tmp_path, b'id,Name,mail\n1,"Amy\nWong",\n\n2,"a ""b""",x@y\n')
    assert records(endpoint, "ID", "name") == [
        row(2, {"ID": [b"1"], "name": [b"Amy\nWong"]}),
        row(5, {"ID": [b"2"], "name": [b'a "b"']}),
    ]
    assert records(endpoint, "mail") == [row(2, {}), row(5, {"mail": [b"x@y"]})]
    assert endpoint.fields() == ("id", "Name", "mail")
    assert endpoint.identity == str(tmp_path / "staff.csv")
    assert list(endpoint.index("id", None)) == [("line 2", [b"1"]), ("line 5", [b"2"])]
    assert endpoint.rule("MAIL") is not None
    assert endpoint.rule("nothing") is None
    typed: Source = endpoint
    typed.close()


def test_delimiters_and_encodings(tmp_path: Path) -> None:
    """The ending decides unless the definition does; values are UTF-8 afterwards; a byte order mark is no
    part of a name.
    """
    assert records(source(tmp_path, b"id\tn\n1\ta,b\n", "x.tsv"), "n") == [row(2, {"n": [b"a,b"]})]
    assert records(source(tmp_path, b"id;n\n1;a,b\n", delimiter=";"), "n") == [row(2, {"n": [b"a,b"]})]
    text = "id,n\n1,M\u00fcller\n"
    expected = [row(2, {"id": [b"1"], "n": ["Müller".encode()]})]
    for encoding in ("utf-8", "utf-8-sig", "cp1252", "utf-16"):
        assert records(source(tmp_path, text.encode(encoding), encoding=encoding), "id", "n") == expected
    assert records(source(tmp_path, text.encode("utf-8-sig")), "id", "n") == expected
    assert records(source(tmp_path, b"id,n\r\n1,a\r\n"), "n") == [row(2, {"n": [b"a"]})]


def test_an_empty_listing_and_an_empty_file(tmp_path: Path) -> None:
    """A header without rows is a complete listing of nothing; a file without a header is none at all."""
    assert records(source(tmp_path, b"id,n\n"), "id") == []
    with pytest.raises(IncompleteListing, match=r"file staff.csv: the file is empty. .*header"):
        records(source(tmp_path, b""), "id")
    (tmp_path / "staff.csv").unlink()
    with pytest.raises(MissingObjectError, match=r"file staff.csv: there is no such file. Put it to"):
        source(tmp_path, None).check()


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"\nid\n", SchemaError, "line 1: the header is missing"),
        (b"id,,n\n", SchemaError, "line 1: column 2 has no name"),
        (b"id,n,ID\n", SchemaError, "line 1: the header has 'id' and 'ID'"),
        (b'id,n\n1,"a\n2,b\n', IncompleteListing, "line 2: a quote is opened here and never closed"),
        (b'id,n\n1,"a"b\n', IncompleteListing, "line 2: quotes are not as they should be"),
        (b"id,n\n1,a\n2", IncompleteListing, "line 3: the file ends in the middle of a row"),
        (b"id,n\n1,a\x00\n", IncompleteListing, "line 2: the line holds a NUL"),
        (
            b"id,n\n1,a\n2,M\xfcller\n",
            IncompleteListing,
            r"line 3: byte 12 of the file .* is not utf-8\. .*cp1252",
        ),
    ],
)
def test_files_that_are_not_read(
    tmp_path: Path, content: bytes, error: type[Exception], message: str
) -> None:
    """Where it cannot be told how the file goes on, nothing is concluded from what is not there; messages
    name file and line.
    """
    with pytest.raises(error, match=r"file staff.csv: " + message):
        records(source(tmp_path, content), "id")


def test_utf_16_without_a_byte_order_mark(tmp_path: Path) -> None:
    """The encoding wants a byte order mark: without one nobody can tell the order, and the message says what
    to do.
    """
    with pytest.raises(IncompleteListing, match=r"is not utf-16\. .* write encoding: utf-16-le\."):
        records(source(tmp_path, "id,name\n1,Fry\n".encode("utf-16-le"), encoding="utf-16"), "id")


def test_the_place_of_a_wrong_byte_far_into_the_file(tmp_path: Path) -> None:
    """Position and line are those in the file, not in some buffer, also where a character was cut by a
    block's end.
    """
    head = "id,n\n" + "1,\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\n" * 20000
    with pytest.raises(IncompleteListing, match=f"line 20002: byte {len(head.encode()) + 2} of"):
        records(source(tmp_path, head.encode() + b"2,\xff\n"), "id")


def test_a_row_with_too_few_or_too_many_cells(tmp_path: Path) -> None:
    """It is a record that failed: present, with no value that could be trusted, and the next row is read as
    usual.
    """
    few, many, good = records(source(tmp_path, b"id,n\n1\n2,a,b\n3,c\n"), "id")
    assert (few.id, few.values) == ("line 2", {})
    assert "file staff.csv, line 2: 1 columns where the header has 2" in few.problem
    assert "line 3: 3 columns" in many.problem
    assert good == row(4, {"id": [b"3"]})


def test_a_cell_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quote that is never closed does not fill the memory, nor does a line without end."""
    monkeypatch.setattr(csv_format, "MAX_CELL", 1000)
    monkeypatch.setattr(
        csv, "field_size_limit", lambda *limit, real=csv.field_size_limit: real(1000) and 1000
    )
    with pytest.raises(IncompleteListing, match="line 2: a value is longer than 1000 characters"):
        records(source(tmp_path, b'id\n"' + b"x\n" * 5000), "id")
    with pytest.raises(IncompleteListing, match="line 2: a value is longer than 1000 characters"):
        records(source(tmp_path, b"id\n" + b"x" * 5000), "id")


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """A listing that somebody wrote to is not complete."""
    endpoint = source(tmp_path, b"id\n" + b"1\n" * 3000)
    batches = endpoint.read(["id"])
    next(batches)
    with (tmp_path / "staff.csv").open("ab") as stream:
        stream.write(b"2\n")
    with pytest.raises(IncompleteListing, match="changed while it was being read"):
        list(batches)


def test_a_file_that_grows_faster_than_it_is_read(tmp_path: Path) -> None:
    """Its end would never come."""
    endpoint = source(tmp_path, b"id\n" + b"1\n" * 30000)
    with (tmp_path / "staff.csv").open("ab", buffering=0) as stream:
        listing = iter(endpoint.read(["id"]))
        with pytest.raises(IncompleteListing, match="changed while it was being read"):
            for _ in range(1000):
                stream.write(b"2\n" * 20000)
                next(listing)


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    """The nearest name is told."""
    with pytest.raises(SchemaError, match=r"no column 'nmae'. Did you mean 'Name'"):
        records(source(tmp_path, b"id,Name\n"), "nmae")


@pytest.mark.parametrize(
    "options", [{"delimiter": '"'}, {"delimiter": "\n"}, {"encoding": "rot13"}, {"encoding": "nonsense"}]
)
def test_impossible_formats(tmp_path: Path, options: dict[str, str]) -> None:
    """They are refused before the file is opened."""
    with pytest.raises(EndpointError, match=r"file staff.csv: "):
        source(tmp_path, None, **options)


# -- places --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd.csv",
        "../x.csv",
        "a/../../x.csv",
        "a\\..\\x.csv",
        "C:\\x.csv",
        "link.csv",
        "loop.csv",
        "up/x.csv",
        "a\0.csv",
        "a\n.csv",
    ],
)
def test_paths_stay_in_the_data_folder(tmp_path: Path, path: str) -> None:
    """Absolute, climbing and linked paths are refused, for sources and destinations."""
    folder = tmp_path / "data"
    folder.mkdir()
    (tmp_path / "secret.csv").write_text("id\n1\n")
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "loop.csv").symlink_to(folder / "loop.csv")
    (folder / "up").symlink_to(tmp_path)
    with pytest.raises(EndpointError, match="file "):
        records(file_source(FileEndpoint(file=path), folder), "id")  # type: ignore[arg-type]
    with pytest.raises(EndpointError, match="file "):
        write(
            file_destination(
                FileEndpoint(file=path), folder, keys=["id"], fields=["id"], naming_attribute="cn"
            ),
            create("1"),
        )


def test_a_link_inside_the_data_folder_is_followed(tmp_path: Path) -> None:
    """Two names of one file are one endpoint."""
    endpoint = source(tmp_path, b"id\n1\n")
    (tmp_path / "other.csv").symlink_to("staff.csv")
    assert file_source(FileEndpoint(file="other.csv"), tmp_path).identity == endpoint.identity


def test_what_is_no_file(tmp_path: Path) -> None:
    """A folder, or a pipe that nobody writes to, is refused at once."""
    (tmp_path / "a.csv").mkdir()
    os.mkfifo(tmp_path / "b.csv")
    for name in ("a.csv", "b.csv"):
        with pytest.raises(EndpointError, match="not a regular file"):
            source(tmp_path, None, name).check()


def test_missing_data_folder_and_unknown_endings(tmp_path: Path) -> None:
    """The setting is named; so are the endings that can be used."""
    with pytest.raises(MissingObjectError, match="setting data_folder"):
        source(tmp_path / "none", None)
    with pytest.raises(UnsupportedError, match=r"\.xlsx .*\.csv"):
        file_source(FileEndpoint(file="a.xlsx"), tmp_path)
    with pytest.raises(UnsupportedError, match="object store"):
        file_source(FileEndpoint(file="a.csv", connection="s3"), tmp_path)


# -- writing -------------------------------------------------------------------------------------------------


def test_a_new_file(tmp_path: Path) -> None:
    """It gets a header and rows sorted by key, in a folder of its own if need be; nobody else may read it."""
    made = file_destination(
        FileEndpoint(file="a/b/out.csv"), tmp_path, keys=["id"], fields=["id", "name"], naming_attribute="cn"
    )
    made.check()
    assert list(made.read(["id"])) == []
    assert results(write(made, create("2", name="Fry, Philip"), create("1", name='Amy "A"'))) == [
        Result.DONE,
        Result.DONE,
    ]
    path = tmp_path / "a" / "b" / "out.csv"
    assert path.read_bytes() == b'id,name\r\n1,"Amy ""A"""\r\n2,"Fry, Philip"\r\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("there", [True, False], ids=["goes", "appears"])
def test_a_file_that_goes_or_appears_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    """Another program replaces it between the look at its rows and the writing: nothing is done, nothing is
    lost.
    """
    file = tmp_path / "out.csv"
    old = b"id,name\n1,Amy\n2,Bob\n"
    end = destination(tmp_path, old if there else None)
    replace = rewriting.replace_content

    def replace_late(*arguments: Any, **options: Any) -> None:
        if there:
            file.unlink()
        else:
            file.write_bytes(old)
        replace(*arguments, **options)

    monkeypatch.setattr(rewriting, "replace_content", replace_late)
    with pytest.raises(EndpointError, match="gone" if there else "appeared"):
        write(end, create("9", name="Nia"))
    assert not file.exists() if there else file.read_bytes() == old


def test_what_is_not_ours_stays_as_it_is(tmp_path: Path) -> None:
    """Untouched rows are the same bytes, unmapped columns keep their cells, row order and line endings
    stay.
    """
    content = b'\xef\xbb\xbfroom,ID,name\n"7",2,Fry\n\n8,3,"Leela"\n"9",1,Amy'
    endpoint = destination(tmp_path, content, complete=True)
    done = write(
        endpoint,
        update("1", field("name", "Amy", "Amy W")),
        delete("2", name="Fry"),
        create("5", name="Zoidberg"),
        create("4"),
    )
    assert results(done) == [Result.DONE] * 4
    assert (
        tmp_path / "out.csv"
    ).read_bytes() == b'\xef\xbb\xbfroom,ID,name\n\n8,3,"Leela"\n9,1,Amy W\n,4,\n,5,Zoidberg\n'


def test_a_row_after_a_last_line_without_line_break(tmp_path: Path) -> None:
    """A new row begins on a line of its own, and what we write ends with a line break, so that it is known to
    be whole.
    """
    assert results(write(destination(tmp_path, b"id,name\n1,Amy", complete=True), create("2"))) == [
        Result.DONE
    ]
    assert (tmp_path / "out.csv").read_bytes() == b"id,name\n1,Amy\n2,\n"
    endpoint = destination(tmp_path, b"id,name\n2,Fry\n1,Amy", complete=True)
    assert results(write(endpoint, update("2", field("name", "Fry", "F")))) == [Result.DONE]
    assert (tmp_path / "out.csv").read_bytes() == b"id,name\n2,F\n1,Amy\n"


def test_columns_that_the_file_lacks_are_added(tmp_path: Path) -> None:
    """At the end, and only when a value comes into them."""
    endpoint = destination(tmp_path, b'id\n1\n"2"\n', fields=["id", "name", "phone"])
    assert endpoint.fields() == ("id", "name", "phone")
    assert results(write(endpoint, update("1", field("phone", "", "5")))) == [Result.DONE]
    assert (tmp_path / "out.csv").read_bytes() == b'id,phone\n1,5\n"2",\n'


def test_conflicts(tmp_path: Path) -> None:
    """A row that is not as it was seen is left alone and told; the other changes are made."""
    endpoint = destination(tmp_path, b"id,name\n1,Amy\n2,Fry\n3,Leela\n")
    outcomes = write(
        endpoint,
        update("1", field("name", "Amelia", "Amy W")),
        delete("2", name="Philip"),
        create("3", name="Leela"),
        update("9", field("name", "x", "y")),
        delete("8"),
        update("3", field("name", "Leela", "Turanga")),
    )
    assert results(outcomes) == [Result.CONFLICT] * 5 + [Result.FAILED]
    assert "row 1: someone changed name meanwhile" in outcomes[0].message
    assert "row 3 exists already" in outcomes[2].message
    assert "row 9 is gone" in outcomes[3].message
    assert (tmp_path / "out.csv").read_bytes() == b"id,name\n1,Amy\n2,Fry\n3,Leela\n"
    assert results(write(endpoint, delete("7"), update("3", field("name", "Leela", "T")))) == [
        Result.CONFLICT,
        Result.DONE,
    ]


def test_a_run_that_was_killed_can_be_repeated(tmp_path: Path) -> None:
    """What an earlier attempt did is found done, and nothing is written again; left-over files go."""
    endpoint = destination(tmp_path, b"id,name\n1,Amy\n2,Fry\n")
    changes = (
        update("1", field("name", "Amy", "Amelia")),
        delete("2", name="Fry"),
        create("3", name="Leela"),
    )
    assert results(write(endpoint, *changes)) == [Result.DONE] * 3
    before = (tmp_path / "out.csv").stat()
    (tmp_path / ".out.csv.directory-sync-dead").write_text("half")
    assert results(write(endpoint, *changes, verify=range(3))) == [Result.FOUND_DONE] * 3
    after = (tmp_path / "out.csv").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_a_file_that_is_not_there_proves_no_deletion(tmp_path: Path) -> None:
    """A retry finds nothing done in a folder that is not mounted."""
    endpoint = destination(tmp_path, b"id,name\n2,Fry\n")
    (tmp_path / "out.csv").unlink()
    assert results(write(endpoint, delete("2", name="Fry"), verify=[0])) == [Result.CONFLICT]


def test_a_lost_lease_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    """The last look at the lease comes when the new content is complete; nothing is left beside the file."""
    endpoint = destination(tmp_path, b"id,name\n1,Amy\n")

    def lost() -> None:
        raise LeaseLost("lost")

    with pytest.raises(LeaseLost):
        write(endpoint, create("2"), before_send=lost)
    assert (tmp_path / "out.csv").read_bytes() == b"id,name\n1,Amy\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_a_disk_that_fills_up_leaves_the_file_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error while writing is transient, names the file, and harms nothing."""

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    endpoint = destination(tmp_path, b"id,name\n1,Amy\n")
    monkeypatch.setattr(replacing.os, "fsync", full)
    with pytest.raises(
        EndpointUnavailable, match=r"file out.csv: .*No space left on device.*as it was before"
    ):
        write(endpoint, create("2"))
    assert (tmp_path / "out.csv").read_bytes() == b"id,name\n1,Amy\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_two_writers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for the first, and gives up with a transient error."""
    monkeypatch.setattr(replacing, "LOCK_PATIENCE", 0.1)
    endpoint = destination(tmp_path, b"id,name\n1,Amy\n")
    holder = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(EndpointUnavailable, match="another process"):
            write(endpoint, create("2"))
    finally:
        os.close(holder)
    assert results(write(endpoint, create("2"))) == [Result.DONE]


def test_mode_is_kept(tmp_path: Path) -> None:
    """Replacing a file does not change who may read it."""
    endpoint = destination(tmp_path, b"id,name\n1,Amy\n")
    (tmp_path / "out.csv").chmod(0o664)
    write(endpoint, create("2"))
    assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o664


def test_values_that_a_cell_cannot_hold(tmp_path: Path) -> None:
    """Each fails its own row and says why; the others are written."""
    endpoint = destination(tmp_path, encoding="latin-1")
    outcomes = write(
        endpoint,
        create("1", name="\u20ac"),
        Change(Action.CREATE, "2", "2", fields=(field("id", "", "2"), FieldChange("name", (), (b"\xff",)))),
        Change(Action.CREATE, "3", "3", fields=(field("id", "", "3"), FieldChange("name", (), (b"a", b"b")))),
        create("4", name="a\0b"),
        create("5", name="M\u00fcller"),
        Change(Action.DISABLE, "6", "6"),
    )
    assert results(outcomes) == [Result.FAILED] * 4 + [Result.DONE, Result.FAILED]
    for outcome, words in zip(
        outcomes, ["latin-1 lacks", "binary", "delimiter", "NUL", "", "disable"], strict=True
    ):
        assert words in outcome.message
    assert (tmp_path / "out.csv").read_bytes() == b"id,name\r\n5,M\xfcller\r\n"


def test_rows_without_or_with_the_same_key(tmp_path: Path) -> None:
    """A row without a key has a problem; two of one key cannot be written to."""
    endpoint = destination(tmp_path, b"id,name\n,Amy\n2,Fry\n2,Phil\n")
    listed = records(endpoint, "id", "name")
    assert [record.id for record in listed] == ["", "2", "2"]
    assert "line 2: the row has no id" in listed[0].problem
    assert results(write(endpoint, update("2", field("name", "Fry", "x")))) == [Result.FAILED]
    assert [record.id for record in endpoint.find("name", [b"Fry", b"Amy"], ["id"])] == ["", "2"]


def test_a_row_that_cannot_be_told_apart_ends_the_listing_of_a_destination(tmp_path: Path) -> None:
    """The file could not be written again without guessing."""
    with pytest.raises(IncompleteListing, match="line 2: 3 columns"):
        records(destination(tmp_path, b"id,name\n1,Amy,x\n"), "id")
    with pytest.raises(SchemaError, match="no column 'id', which is a key"):
        destination(tmp_path, b"name\nAmy\n").check()


def test_several_keys(tmp_path: Path) -> None:
    """Two keys never give one id, whatever their values hold."""
    endpoint = destination(tmp_path, b'a,b\n"1,2",3\n1,"2,3"\n', keys=["a", "b"], fields=["a", "b"])
    first, second = (record.id for record in records(endpoint, "a", "b"))
    assert first != second
    assert first == endpoint.names.new("", {"A": [b"1,2"], "b": [b"3"]}, "")
    with pytest.raises(RecordError, match="b: the key has no value"):
        endpoint.names.new("", {"a": [b"1"]}, "")


def test_render_is_one_comment_line(tmp_path: Path) -> None:
    """Nothing that a value holds can begin a line of its own."""
    text = destination(tmp_path).render(update("1", field("name", "a", "b\ndn: cn=x\u2028y")))
    assert text.startswith("# file out.csv: update row 1")
    assert len(text.splitlines()) == 1


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)


@settings(deadline=None, max_examples=examples(80))
@given(
    rows=st.dictionaries(CELLS.filter(lambda text: text.strip(BLANKS)), CELLS, max_size=6),
    delimiter=st.sampled_from(",;\t| "),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
)
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: dict[str, str], delimiter: str, encoding: str
) -> None:
    """Any text goes through a file unchanged: quotes, delimiters, line breaks, spaces, formulas.

    Python's own reader agrees.
    """
    folder = tmp_path_factory.mktemp("csv")
    endpoint = destination(folder, delimiter=delimiter, encoding=encoding)
    first, rest = dict(list(rows.items())[:2]), dict(list(rows.items())[2:])
    for part in (first, rest):
        assert set(results(write(endpoint, *(create(key, name=name) for key, name in part.items())))) <= {
            Result.DONE
        }
    listed = {record.id: record.values for record in records(endpoint, "id", "name")}
    assert listed == {key: {"id": [key.encode()], "name": [name.encode()]} for key, name in rows.items()}
    if rows:
        text = (folder / "out.csv").read_bytes().decode(encoding)
        assert {tuple(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)} == {
            ("id", "name"),
            *rows.items(),
        }
