"""Looks at files of the data folder: which there are, what they hold, and no passwords."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from directory_sync.errors import DirectorySyncError, EndpointError, LookError, UnsupportedError
from directory_sync.looking import answering
from directory_sync.looking.answers import ANSWER, FieldFacts, Fields, FileList, Records
from directory_sync.looking.bounds import Cut
from tests.scenarios.looks import given, question

SECRET = "never-to-be-seen"


def look(folder: Path, kind: str, seconds: float = 10, **asked: Any) -> Any:
    """What is found; no password is in it."""
    found = answering.answer(question(kind, **asked), given(folder=folder), seconds)
    assert SECRET.encode() not in ANSWER.dump_json(found)
    return found


def fields_of(found: Fields) -> dict[str, FieldFacts]:
    return {each.facts.name: each for each in found.fields}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with staff."""
    rows = [f"p{number},Person {number},{SECRET},{'x' if number % 2 else ''}" for number in range(2_000)]
    (tmp_path / "staff.csv").write_text("id,name,Password,note\n" + "\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "feeds").mkdir()
    entries = [
        f"dn: cn=p{number},dc=x\ncn: p{number}\nmember: cn=a,dc=x\nuserPassword: {SECRET}\n"
        for number in range(30)
    ]
    (tmp_path / "feeds" / "people.ldif").write_text("\n".join(entries) + "\n", encoding="utf-8")
    return tmp_path


def test_the_files_that_a_job_can_read(folder: Path) -> None:
    """By their endings; nothing hidden, no link, no folder outside."""
    (folder / ".hidden.csv").write_text("a\n")
    (folder / "notes.txt").write_text("a\n")
    (folder / "book.xlsx").write_text("a\n")
    (folder / "away.csv").symlink_to("/etc/passwd")
    (folder / "way").symlink_to("/etc")
    os.mkfifo(folder / "pipe.csv")
    (folder / "folder.csv").mkdir()
    found = look(folder, "files")
    assert isinstance(found, FileList)
    assert [each.path for each in found.files] == ["staff.csv", "feeds/people.ldif"]
    with pytest.raises(LookError, match="data_folder"):
        look(folder / "nowhere", "files")


def test_the_first_rows_and_their_number(folder: Path) -> None:
    """Columns of passwords are not shown; a filter selects."""
    found = look(folder, "records", source={"file": "staff.csv"}, most=3)
    assert isinstance(found, Records)
    assert (found.count, found.cut, len(found.records)) == (2_000, Cut.NONE, 3)
    assert found.hidden == ("Password",)
    assert found.records[1].values["name"][0].text == "Person 1"
    filtered = look(folder, "records", source={"file": "staff.csv", "filter": "(id=p7*)"})
    assert filtered.count == 111
    assert filtered.filter == "(id=p7*)"
    with pytest.raises(EndpointError, match="would tell a secret"):
        look(folder, "records", source={"file": "staff.csv", "filter": "(password=n*)"})
    with pytest.raises(EndpointError, match="would tell a secret"):
        look(folder, "records", source={"file": "staff.csv", "filter": "(note=n*)"}, secret=["NOTE"])


def test_columns_with_samples(folder: Path) -> None:
    """Of the first thousand rows; the order is the file's."""
    found = look(folder, "fields", source={"file": "staff.csv"})
    assert (found.sampled, found.cut) == (1_000, Cut.MOST)
    assert list(fields_of(found)) == ["id", "name", "Password", "note"]
    fields = fields_of(found)
    assert [value.text for value in fields["id"].samples] == ["p0", "p1", "p2"]
    assert (fields["note"].filled, len(fields["note"].samples)) == (500, 1)
    assert (fields["Password"].facts.secret, fields["Password"].samples) == (True, ())
    assert fields["id"].facts.single


def test_the_attributes_of_an_ldif_file(folder: Path) -> None:
    """They stand in each entry; which have one value is not known."""
    found = look(folder, "fields", source={"file": "feeds/people.ldif"})
    fields = fields_of(found)
    assert list(fields) == ["dn", "cn", "member", "userPassword"]
    assert (fields["cn"].filled, fields["cn"].facts.single) == (30, None)
    assert fields["member"].facts.holds == "reference"
    assert fields["userPassword"].facts.secret
    assert look(folder, "records", destination={"file": "feeds/people.ldif"}).count == 30


@pytest.mark.parametrize(
    "source",
    [
        {"file": "../staff.csv"},
        {"file": "/etc/passwd"},
        {"file": "gone.csv"},
        {"file": "book.xlsx"},
        {"file": "staff.dat"},
        {"file": "pipe.csv"},
        {"file": "empty.csv"},
        {"file": "staff.csv", "filter": "(nope=1)"},
        {"file": "staff.csv", "filter": "(("},
        {"file": "staff.csv", "connection": "bucket"},
        {"file": "staff.csv", "encoding": "klingon"},
        {"connection": "hr", "table": "people"},
    ],
)
def test_what_cannot_be_read_is_told(folder: Path, source: dict[str, Any]) -> None:
    """Outside of the data folder, absent, of a kind that cannot be read, a pipe, a wrong filter."""
    os.mkfifo(folder / "pipe.csv")
    (folder / "empty.csv").touch()
    for kind in ("records", "fields"):
        with pytest.raises(DirectorySyncError) as caught:
            look(folder, kind, source=source)
        assert isinstance(caught.value, EndpointError | LookError | UnsupportedError)


def test_a_huge_file_is_counted_as_far_as_time_goes(folder: Path) -> None:
    """The number is then the least that there is."""
    with (folder / "huge.csv").open("w", encoding="utf-8") as file:
        file.write("id,name\n")
        file.writelines(f"{number},{'x' * 500}\n" for number in range(200_000))
    found = look(folder, "records", source={"file": "huge.csv"}, seconds=0.05)
    assert found.cut is Cut.TIME
    assert 0 < found.count < 200_000
