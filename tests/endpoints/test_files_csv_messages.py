"""What is said of CSV files that are not as the definition says: what was found, what it probably is, and
what to write.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from directory_sync.definition.models import Collection, FileEndpoint
from directory_sync.endpoints.contract import Record
from directory_sync.errors import EndpointError, UnsupportedError
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import preview_job
from tests.scenarios.file_jobs import FileJob
from tests.scenarios.files import file_source
from tests.scenarios.no_connections import NoConnections
from tests.scenarios.planning import actions


def read(
    folder: Path, content: str | bytes, *fields: str, name: str = "hr.csv", **options: Any
) -> list[Record]:
    """What a source reads of a file."""
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    source = file_source(FileEndpoint(file=name, **options), folder)
    source.check()
    return [record for batch in source.read(fields or ("no", "name")) for record in batch]


def values(records: list[Record]) -> list[dict[str, str]]:
    """The values as text."""
    return [{name: held[0].decode() for name, held in record.values.items()} for record in records]


def packed(text: str) -> bytes:
    """An archive as spreadsheets are."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("xl/workbook.xml", text)
    return archive.getvalue()


TWO = [{"no": "1", "name": "Amy"}, {"no": "2", "name": "Fry"}]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("no;name\n1;A\n", {}, r"there is no column 'no'\. .*',', are: no;name\. .*probably ';': write delimiter: \";\""),  # noqa: E501
        ("no\tname\n1\tA\n", {}, r"The delimiter is probably '\\t': write delimiter: \"\\t\""),
        ("no|name\n1|A\n", {"delimiter": ";"}, r"with the delimiter ';', .*probably '\|'"),
        ('"no";"name"\n"1";"A"\n', {}, r"probably ';'"),
        ("Number,Name\n1,A\n", {}, r"there is no column 'no'\. Its columns, read with the delimiter ',', are: Number, Name\."),  # noqa: E501
        ("nos,name\n1,A\n", {}, r"Did you mean 'nos'\?"),
        ("no,name\n".encode("utf-8-sig"), {"encoding": "cp1252"}, "begins with the mark of UTF-8: write encoding: utf-8"),  # noqa: E501
        ("<table><tr><td>no</td></tr></table>\n", {}, "looks like HTML"),
        ("no,name,\n1,A,\n", {}, r"line 1: column 3 has no name in the header\. The header ends with a delimiter \(','\)"),  # noqa: E501
        ("no,name,,\n1,A,,\n", {}, r"column 3 has no name in the header\. The header ends with 2 delimiters"),
        ("no,,name\n1,,A\n", {}, r"column 2 has no name in the header\. Name it"),
        ("no,name,NO\n", {}, r"the header has 'no' and 'NO'"),
        ("no,name\x851,Amy\x852,Fry\x85", {"complete": True}, r"The lines of the file end with NEL"),
        ("sep=;\nno;name\n", {"delimiter": "|"}, r"line 1: this line says .* ';', the definition says '\|'"),
        (gzip.compress(b"no,name\n1,A\n", mtime=0), {}, r"compressed \(gzip\)\. Unpack it first"),
        (packed("x"), {}, "an Excel workbook or a zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", {}, "an Excel workbook of an old version"),
        ("no,name\n1,A\n".encode("utf-16"), {}, "begins with the mark of UTF-16: write encoding: utf-16"),
        ("no,name\n1,A\n".encode("utf-16-le"), {}, "probably UTF-16-LE without a mark: write encoding: utf-16-le"),  # noqa: E501
        ("no,name\n1,A\n".encode("utf-16-be"), {}, "write encoding: utf-16-be"),
        ("no,name\n1,A\n".encode("utf-16"), {"encoding": "cp1252"}, "write encoding: utf-16"),
        ("no,name\n1,Müller\n".encode("cp1252"), {}, r"line 2: byte 11 of the file .* is not utf-8\. .*encoding: cp1252"),  # noqa: E501
        ("no,name\n1,A\n2,Müller\n", {"encoding": "cp1252"}, r"line 3: the definition says cp1252, .* Write encoding: utf-8"),  # noqa: E501
        (b"no,name\n1,A\0B\n", {}, r"line 2: the line holds a NUL character\. The file is damaged"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_file_that_cannot_be_read(
    tmp_path: Path, content: Any, options: Any, message: str
) -> None:
    """File, place, what was found, and what to write in the definition or to change in the file."""
    with pytest.raises(EndpointError, match=message) as caught:
        read(tmp_path, content, **options)
    assert str(caught.value).startswith("file hr.csv: ")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "1,A,",
            (
                r"3 columns where the header has 2\. The row ends with a delimiter \(','\) that the header"
                r" does"
                r" not have"
            ),
        ),
        ("1,A,, ", r"4 columns where the header has 2\. The row ends with 2 delimiters"),
        ("1,A,B", r"Quote values that hold the delimiter ','"),
        ("1;A", r"1 columns where the header has 2\. The row is delimited by ';', the header by ','"),
        ("1", r"1 columns where the header has 2\. Quote"),
        ('1, "Amy"', r"a blank stands before a quoted value"),
        ('1, "Wong, Amy"', r"3 columns where the header has 2\. A blank stands before a quoted value"),
    ],
)
def test_what_is_said_of_a_row(tmp_path: Path, row: str, message: str) -> None:
    """The row failed and counts as present; the next one is read."""
    bad, good = read(tmp_path, f"no,name\n{row}\n2,Fry\n")
    assert good.problem == ""
    with pytest.raises(AssertionError, match=rf"file hr\.csv, line 2: .*{message}"):
        raise AssertionError(bad.problem)


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("sep=;\r\nno;name\r\n1;Amy\r\n2;Fry\r\n", {}),
        ("\ufeffsep=;\nno;name\n1;Amy\n2;Fry\n", {"delimiter": ";"}),
        ('"sep=;"\nno;name\n1;Amy\n2;Fry\n', {}),
        ("SEP=\t\nno\tname\n1\tAmy\n2\tFry\n", {}),
        ("no,name\n1,Amy\n   \n\n\t\n2,Fry\n \u00a0 \n", {}),
        ("no,name\r1,Amy\r2,Fry\r", {}),
        (
            '#TYPE Selected.Microsoft.ActiveDirectory.Management.ADUser\r\n"no","name"\r\n"1","Amy"\r\n"2","Fry"\r\n',  # noqa: E501
            {},
        ),
        ("#TYPE System.Object\nsep=;\nno;name\n1;Amy\n2;Fry\n", {}),
        ("no,name\r\n1,Amy\n2,Fry\r", {}),
        ('no,name\n="1",Amy\n"=""2""",Fry\n', {}),
        ("\ufeff no , name \n1,Amy\n2,Fry\n", {}),
        ("no,name\n1,Amy\n2,Fry\n\x1a", {}),
        ("no;name\n1;Amy\n2;Fry\n", {"delimiter": ";", "name": "hr.txt"}),
        ("no\tname\n1\tAmy\n2\tFry\n", {"delimiter": "\t", "name": "HR.EXPORT"}),
    ],
)
def test_what_spreadsheets_and_exports_make_of_csv(
    tmp_path: Path, content: str, options: dict[str, Any]
) -> None:
    """Excel's first line names the delimiter; a line of blanks is no record; `="00123"` is the text 00123;
    any line ends.
    """
    assert values(read(tmp_path, content, **options)) == TWO


def test_a_text_that_looks_like_a_formula(tmp_path: Path) -> None:
    """Only a formula that is nothing but a text is that text; others are data as they are."""
    (record,) = read(tmp_path, 'no,name\n="00123",=A1+"x"\n')
    assert record.values == {"no": [b"00123"], "name": [b'=A1+"x"']}


def test_the_line_that_names_the_delimiter_stays_in_a_destination(tmp_path: Path) -> None:
    """Excel needs it; rows are written with the delimiter that it names, and columns are added after the
    others.
    """
    fields = {"no": {"from": "no", "key": True}, "name": "name", "phone": "phone"}
    job = FileJob(tmp_path, fields, "hr.csv", "out.csv")
    job.write_source("no,name,phone\n1,Amy,\n2,Fry,5\n")
    (tmp_path / "out.csv").write_text("sep=;\nno;name\n1;Amy\n")
    assert actions(job.run()) == [("create", "2")]
    assert job.written == "sep=;\nno;name;phone\n1;Amy;\n2;Fry;5\n"
    assert actions(job.run()) == []


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "iso8859-15", "cp850", "utf-16"])
def test_other_encodings(tmp_path: Path, encoding: str) -> None:
    """What is of the encoding that the definition says is read, also where a part of it could be UTF-8."""
    (one, two) = read(
        tmp_path, "no,name\n1,Müller\n2,Ã¼\n".replace("Ã¼", "ü").encode(encoding), encoding=encoding
    )
    assert (one.values["name"], two.values["name"]) == (["Müller".encode()], ["ü".encode()])


def test_rows_of_blanks(tmp_path: Path) -> None:
    """A row with delimiters is a record, even if nobody sees anything in it: it may be anybody's, so nothing
    is removed.
    """
    fields = {"no": {"from": "no", "key": True}, "name": "name"}
    job = FileJob(tmp_path, fields, "hr.csv", "out.csv", {"missing_at_source": "delete"})
    (tmp_path / "out.csv").write_text("no,name\n1,Amy\n2,Fry\n")
    job.write_source("no,name\n1,Amy\n , \n")
    plan = job.plan()
    assert actions(plan) == []
    assert "the key field no has no value" in plan.problems[0].message


def test_blank_cells_at_a_destination(tmp_path: Path) -> None:
    """They count as empty: no difference to an absent value, replaced by any other, and no key."""
    fields = {
        "no": {"from": "no", "key": True},
        "name": "name",
        "phone": {"from": "phone", "keep_if_empty": True},
    }
    job = FileJob(tmp_path, fields, "hr.csv", "out.csv", {"missing_at_source": "delete"})
    (tmp_path / "out.csv").write_text("no,name,phone\n 1 , ,4\n2,\t,\u00a0\n  ,x,y\n")
    job.write_source("no,name,phone\n1,\u2003,\n2,Fry, \n")
    plan = job.run()
    assert actions(plan) == [("update", "2")]
    assert job.written == "no,name,phone\n 1 , ,4\n2,Fry,\u00a0\n  ,x,y\n"
    assert "1 object at the destination has no value in the key field" in plan.warnings[0]
    assert actions(job.run()) == []


def test_joined_cells_are_sets(tmp_path: Path) -> None:
    """Another order is no difference, nor are repeated values and blanks around them; a new value is."""
    fields = {"no": {"from": "no", "key": True}, "tags": {"from": "tags", "delimiter": ";"}}
    job = FileJob(tmp_path, fields, "hr.csv", "out.csv")
    (tmp_path / "out.csv").write_text("no,tags\n1,b; a;b\n2,x\n")
    job.write_source("no,tags\n1,a;b\n2,x;y\n")
    plan = job.run()
    assert actions(plan) == [("update", "2")]
    assert job.written == "no,tags\n1,b; a;b\n2,x;y\n"
    assert actions(job.run()) == []


def test_object_classes_are_no_column(tmp_path: Path) -> None:
    """What is planned for a row is what is written: rows have no classes."""
    job = FileJob(
        tmp_path, {"no": {"from": "no", "key": True}}, "hr.csv", "out.csv", {"object_classes": ["person"]}
    )
    job.write_source("no\n1\n")
    (change,) = job.run().changes
    assert [field.field for field in change.fields] == ["no"]


def test_the_message_names_job_and_field(tmp_path: Path) -> None:
    """A preview that needs a column which is not there says which field of which job needs it."""
    (tmp_path / "hr.csv").write_text("E-Mail;no\n")
    definition = {
        "name": "c",
        "jobs": [
            {
                "name": "hr",
                "source": {"file": "hr.csv", "delimiter": ";"},
                "destination": {"file": "out.csv"},
                "object": "row",
                "fields": {"no": {"from": "no", "key": True}, "mail": {"template": "{{ Mail }}"}},
            }
        ],
    }
    collection = Collection.model_validate(definition)
    result = preview_job(
        collection, collection.jobs[0], deployment=Deployment(NoConnections(), tmp_path), store=None
    )
    assert result.message == (
        "file hr.csv: job hr, field mail: there is no column 'Mail'. Its columns, read with the delimiter"
        " ';', are: E-Mail, no."
        ' In a template E-Mail is written as record["E-Mail"].'
    )


def test_a_destination_with_another_delimiter(tmp_path: Path) -> None:
    """It would get a second set of columns; the message says which delimiter the file has."""
    job = FileJob(tmp_path, {"no": {"from": "no", "key": True}}, "hr.csv", "out.csv")
    job.write_source("no\n1\n")
    (tmp_path / "out.csv").write_text("no;name\n1;Amy\n")
    with pytest.raises(
        EndpointError,
        match=r"has no column 'no', which is a key .*are: no;name\. .*probably ';': write delimiter",
    ):
        job.plan()


def test_a_file_with_an_unknown_ending(tmp_path: Path) -> None:
    """Without a delimiter nobody can tell what it is."""
    with pytest.raises(
        UnsupportedError, match=r"ending \.txt cannot be used yet\. .*or give a delimiter: to read it as CSV"
    ):
        read(tmp_path, "no,name\n", name="hr.txt")
