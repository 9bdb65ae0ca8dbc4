"""Loading: files, texts and folders become collections, or every problem at once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from directory_sync.definition.catalogue import FolderCatalogue
from directory_sync.definition.documents import read_document
from directory_sync.definition.loading import Broken, Loaded, load, load_text
from directory_sync.definition.models import DirectoryDestination, Limit, LimitKind, Static
from directory_sync.errors import DefinitionError
from tests.scenarios.definitions import MINIMAL, SPEC_EXAMPLE, changed, found


def test_specification_example_loads_without_problems() -> None:
    """The whole example of the format's specification is accepted as it stands."""
    loaded = load(read_document(SPEC_EXAMPLE))
    collection = loaded.collection
    assert loaded.problems == ()
    assert [job.name for job in collection.jobs] == ["people", "groups"]
    assert collection.limits == {LimitKind.DELETE: Limit(percent=10)}
    people = collection.job("people")
    assert people.keys == ("employeeID",)
    assert people.retries == 2
    assert isinstance(people.destination, DirectoryDestination)
    assert people.fields["company"] == Static(static="Example Corp")


def test_json_gives_the_same_collection_as_yaml() -> None:
    """A JSON file is the same definition in other clothes."""
    assert (
        load_text(json.dumps(MINIMAL), "a.json").collection
        == load_text(yaml.safe_dump(MINIMAL), "a.yaml").collection
    )


def test_texts_stay_what_was_written() -> None:
    """What YAML 1.1 takes for numbers, truth values, times and dates is text where the model wants text."""
    text = """
    name: a
    jobs:
      - name: people
        source: {file: a.csv}
        destination: {file: b.csv}
        object: row
        retries: 3
        fields:
          id: {from: id, key: yes}
          a: {static: 0123}
          b: {static: 12:30}
          c: {static: NO}
          d: {static: 2026-01-01}
          e: {map: c, values: {NO: Norway, 1: on, 2026-01-01: 1e3, "null": ~text}}
    """
    job = load_text(text, "a.yaml").collection.jobs[0]
    assert [job.fields[name].model_dump()["static"] for name in "abcd"] == [
        "0123",
        "12:30",
        "NO",
        "2026-01-01",
    ]
    assert job.fields["e"].model_dump()["values"] == {
        "NO": "Norway",
        "1": "on",
        "2026-01-01": "1e3",
        "null": "~text",
    }
    assert (job.fields["id"].key, job.retries) == (True, 3)


def test_all_problems_are_reported_at_once_in_the_order_of_the_file() -> None:
    """Shape, syntax and sense are checked in one go, also in other jobs than the broken one."""
    other = {**MINIMAL["jobs"][0], "name": "other", "source": {"connection": "corp", "container": "no dn"}}
    definition = changed(
        ("timezone", "Europe/Berln"),
        ("shedule", "@daily"),
        ("jobs.0.source.filter", "(cn=a"),
        ("jobs.0.retries", "many"),
        ("jobs.1", other),
    )
    problems = found(definition)
    assert [problem.split(":")[0] for problem in problems] == [
        "jobs[0].source.filter",
        "jobs[0].retries",
        "jobs[1].source.container",
        "timezone",
        "shedule",
    ]


def test_folder_shows_the_good_and_the_broken(tmp_path: Path) -> None:
    """A broken definition never takes others away."""
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(MINIMAL))
    (tmp_path / "b.yml").write_text("name: b\njobs: 1")
    (tmp_path / "c.json").write_text(json.dumps(changed(("name", "c"))))
    (tmp_path / "d.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "e.txt").write_text("not ours")
    (tmp_path / "f.yaml").mkdir()
    results = {Path(result.origin).name: result for result in FolderCatalogue(tmp_path).all()}
    assert {name: type(result) for name, result in results.items()} == {
        "a.yaml": Loaded,
        "b.yml": Broken,
        "c.json": Loaded,
        "d.yaml": Broken,
        "f.yaml": Broken,
    }
    assert results["b.yml"].name == "b"
    assert results["d.yaml"].name is None


def test_two_files_with_one_name_are_both_broken(tmp_path: Path) -> None:
    """Neither wins by chance; each names the other, and a third file is left alone."""
    for name, collection in (("a.yaml", "same"), ("b.yaml", "same"), ("c.yaml", "another")):
        (tmp_path / name).write_text(yaml.safe_dump(changed(("name", collection)), sort_keys=False))
    a, b, c = FolderCatalogue(tmp_path).all()
    assert isinstance(a, Broken)
    assert isinstance(b, Broken)
    assert isinstance(c, Loaded)
    assert str(a.problems[0]).startswith(
        f"{tmp_path}/a.yaml:1: name: the name same is also used in {tmp_path}/b.yaml"
    )
    assert f"{tmp_path}/a.yaml" in b.problems[0].message


def test_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A folder that is not there is not an empty one."""
    with pytest.raises(DefinitionError, match="the folder cannot be read"):
        FolderCatalogue(tmp_path / "nowhere").all()


@pytest.mark.timeout(10)
def test_what_is_no_file_is_refused_without_reading(tmp_path: Path) -> None:
    """A named pipe would keep the reader waiting for ever."""
    pipe = tmp_path / "a.yaml"
    os.mkfifo(pipe)
    with pytest.raises(DefinitionError, match="is not a file"):
        load(read_document(pipe))
    with pytest.raises(DefinitionError, match="is not a file"):
        load(read_document(tmp_path / "missing.yaml"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"# only a comment\n", "is empty"),
        (b"- a\n- b\n", "holds a list"),
        (b"hello", "holds a single text"),
        (b"name: \xff\n", "is not UTF-8: byte 0xff"),
        ("name: a".encode("utf-16"), "UTF-16"),
        (b"name: a\n\x00", "control character U+0000"),
        (b"a: 1\n\x1b[31m", "control character U+001B"),
        (b"name: a\n---\nname: b\n", "a second document begins here"),
        (b"name: a\n\tjobs: b\n", "a tab stands where blanks must"),
        (b"#" * (2 * 1024 * 1024 + 1), "is larger than 2 MiB"),
        (b'name: "a\\0b"', "NUL"),
    ],
)
def test_unreadable_files_are_problems(tmp_path: Path, content: bytes, message: str) -> None:
    """Whatever is in a file, it gives a message that says what to do."""
    file = tmp_path / "a.yaml"
    file.write_bytes(content)
    with pytest.raises(DefinitionError, match=message.replace("+", r"\+")) as raised:
        load(read_document(file))
    assert all(
        problem.file == str(file) and problem.line >= 1 and problem.column >= 1
        for problem in raised.value.problems
    )


def test_byte_order_mark_of_utf8_is_no_problem(tmp_path: Path) -> None:
    """Windows editors write one."""
    file = tmp_path / "a.yaml"
    file.write_text(yaml.safe_dump(MINIMAL), encoding="utf-8-sig")
    assert load(read_document(file)).name == "corp_to_lab"


def test_repeated_checks_find_places_through_loaded() -> None:
    """What is found later, without the file at hand, still names its line."""
    loaded = load_text("name: a\n" + yaml.safe_dump(changed(("name", ...))), "a.yaml")
    problem = loaded.places.problem(("jobs", 0, "source", "filter"), "is odd")
    assert (problem.file, problem.key) == ("a.yaml", "jobs[0].source.filter")
    assert problem.line == loaded.places.key(("jobs", 0, "source")).line
