"""The contract of endpoints, held by an endpoint that is no part of the product: JSON lines, added as
docs/adding-an-endpoint.md says, with one module and one line in a registry.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from directory_sync.cli.main import main
from directory_sync.definition.addresses import FILE_KINDS, FileEndpoint
from directory_sync.endpoints.change import Action, Change, FieldChange, Result
from directory_sync.endpoints.evidence import End, Ending
from directory_sync.errors import EndpointError, IncompleteListing, SchemaError
from directory_sync.plan.model import Plan
from tests.scenarios.file_jobs import FileJob
from tests.scenarios.files import file_destination, file_source
from tests.scenarios.json_lines import JSON_LINES, LONGEST
from tests.scenarios.planning import actions

FIELDS: dict[str, Any] = {"uid": {"from": "uid", "key": True}, "name": "name", "phone": "phone"}
REMOVES = {"missing_at_source": "delete", "remove": "all"}


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    """The one line that makes the product know JSON lines."""
    FILE_KINDS.append(JSON_LINES)
    yield
    FILE_KINDS.remove(JSON_LINES)


def lines(*objects: Mapping[str, Any]) -> str:
    """Objects as JSON lines."""
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects)


def job(folder: Path, source: str | bytes, destination: str | bytes | None = None, **keys: Any) -> FileJob:
    """A job from JSON lines to JSON lines, which removes; further keys are of the source."""
    made = FileJob(folder, FIELDS, {"file": "staff.jsonl", **keys}, "phones.jsonl", REMOVES)
    made.write_source(source)
    if destination is not None:
        content = destination if isinstance(destination, bytes) else destination.encode()
        (folder / "phones.jsonl").write_bytes(content)
    return made


def reading(folder: Path, content: bytes, *fields: str, **keys: Any) -> Any:
    """The records of a source with this content, and the end of its listing."""
    (folder / "staff.jsonl").write_bytes(content)
    source = file_source(FileEndpoint(file="staff.jsonl", **keys), folder)
    source.check()
    listing = Ending(source.read(list(fields)))
    records = [record for batch in listing for record in batch]
    return records, listing.said.end


def objects(folder: Path, name: str = "phones.jsonl") -> list[Any]:
    """What a file holds, as any other program reads it."""
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


# -- the way through -----------------------------------------------------------------------------------------


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """The destination of one job is the source of the next one, and nothing changes on the way."""
    staff = [
        {"uid": "amy", "name": "Amy Wong", "phone": ["1", "2"]},
        {"uid": "fry", "name": "Fry"},
        {"uid": "zoë", "phone": "+49 30 1"},
    ]
    job(tmp_path, lines(*staff)).run()
    assert objects(tmp_path) == staff
    back = FileJob(tmp_path, FIELDS, "phones.jsonl", "staff.jsonl", REMOVES)
    assert actions(back.plan()) == []


def test_objects_come_change_and_go_and_then_there_is_nothing_to_do(tmp_path: Path) -> None:
    """A second run finds both sides in step, also where values are in another order or repeated."""
    copy = job(
        tmp_path,
        lines({"uid": "1", "name": "New"}, {"uid": "2", "phone": ["b", "a"]}, {"uid": "3", "name": "C"}),
        lines({"uid": "1", "name": "Old"}, {"uid": "2", "phone": ["a", "b", "b"]}, {"uid": "9"}),
    )
    assert sorted(actions(copy.run())) == [("create", "3"), ("delete", "9"), ("update", "1")]
    assert objects(tmp_path) == [
        {"uid": "1", "name": "New"},
        {"uid": "2", "phone": ["a", "b", "b"]},
        {"uid": "3", "name": "C"},
    ]
    assert actions(copy.plan()) == []


def test_what_is_not_mapped_stays_as_it_stands_there(tmp_path: Path) -> None:
    """Lines that do not change keep every octet, and changed ones all that the job does not map, whatever it
    is.
    """
    untouched = '{ "uid":"2", "salary": 1.10, "tags": {"a":[null, 1e400]} }\r\n\n'
    changed = '{"n": 1%s, "uid":"1", "NAME": ["Old"], "caf\\u00e9":{"x":1,"x":2}, "phone":"5"}\r\n' % (
        "0" * 5000
    )
    copy = job(tmp_path, lines({"uid": "1", "name": "New"}, {"uid": "2"}), changed + untouched)
    copy.run()
    assert (tmp_path / "phones.jsonl").read_bytes().decode() == (
        '{"n": 1%s, "uid": "1", "NAME": ["New"], "caf\\u00e9": {"x":1,"x":2}}\r\n' % ("0" * 5000) + untouched
    )


def test_names_of_fields_are_matched_without_regard_to_case(tmp_path: Path) -> None:
    """`UID` and `uid` are one field, but `Fry` and `fry` are two objects: rows are named to the letter."""
    copy = job(tmp_path, lines({"UID": "fry", "Name": "x"}, {"Uid": "Fry"}), lines({"UiD": "fry"}))
    assert sorted(actions(copy.run())) == [("create", "Fry"), ("update", "fry")]
    assert objects(tmp_path) == [{"UiD": "fry", "name": "x"}, {"uid": "Fry"}]


def test_a_changed_key_is_another_object(tmp_path: Path) -> None:
    """Rows have no name besides their key, so nothing is renamed: one is created, one goes."""
    copy = job(tmp_path, lines({"uid": "amy.kroker", "name": "A"}), lines({"uid": "amy.wong", "name": "A"}))
    assert sorted(actions(copy.plan())) == [("create", "amy.kroker"), ("delete", "amy.wong")]


def test_blank_values_are_absent(tmp_path: Path) -> None:
    """An empty text, a list without texts and blanks take a value away; they are no value of their own."""
    copy = job(
        tmp_path,
        lines({"uid": "1", "name": ""}, {"uid": "2", "name": []}, {"uid": "3", "name": " "}, {"uid": "4"}),
        lines(*({"uid": str(number), "name": "N"} for number in range(1, 5))),
    )
    copy.run()
    assert objects(tmp_path) == [{"uid": str(number)} for number in range(1, 5)]


# -- what cannot be read -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"uid": "1"', "column"),
        (b"uid;name", "Expecting value, column 1"),
        (b'["uid", "1"]', "something else"),
        (b'{"uid": "1"} {"uid": "2"}', "Extra data, column 14"),
        (b'{"uid": "\xff"}', "not UTF-8"),
        (b'{"uid": "1", "name": "a\x1bb"}', "Invalid control character"),
        (b'{"uid": "1", "name": NaN}', "NaN is no JSON"),
        (b'{"uid": "1", "Name": "a", "name": "b"}', '"Name" and "name", which are one field'),
        (b'{"uid": "1", "uid": "2"}', '"uid" and "uid", which are one field'),
        (b'{"uid": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"uid": "' + b"1" * LONGEST + b'"}', f"longer than {LONGEST} octets"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_malformed_line_counts_as_present(tmp_path: Path, line: bytes, said: str) -> None:
    """Which object it was to be cannot be told, so nothing is removed; the other lines are used."""
    copy = job(
        tmp_path,
        line + b"\n" + lines({"uid": "2", "name": "B"}).encode(),
        lines({"uid": "1", "name": "A"}, {"uid": "2", "name": "old"}),
    )
    plan = copy.run()
    assert actions(plan) == [("update", "2")]
    (problem,) = plan.problems
    assert problem.message.startswith("file staff.jsonl, line 1: ")
    assert said in problem.message
    assert len(problem.message) < 400
    assert any("nothing is deleted" in warning for warning in plan.warnings)


@pytest.mark.parametrize("value", ["1", "null", "true", '{"a": "b"}', '["a", 1]', '"\\ud800"'])
def test_a_value_that_is_no_text_is_an_error_of_its_line(tmp_path: Path, value: str) -> None:
    """Its own object is left alone, and others are removed: the key could be read."""
    copy = job(
        tmp_path,
        f'{{"uid": "1", "name": {value}}}\n' + lines({"uid": "2"}),
        lines({"uid": "1", "name": "A"}, {"uid": "2"}, {"uid": "3"}),
    )
    plan = copy.plan()
    assert actions(plan) == [("delete", "3")]
    assert "file staff.jsonl, line 1: name is neither a text nor a list of texts." in plan.problems[0].message


def test_a_value_that_is_no_text_does_no_harm_where_it_is_not_asked_for(tmp_path: Path) -> None:
    """What a job does not map need not be understood."""
    records, end = reading(tmp_path, b'{"uid": "1", "photo": {"width": 3}}\n', "uid")
    assert (records[0].values, records[0].problem, end) == ({"uid": [b"1"]}, "", End.LINE_BREAK)


def test_a_file_that_may_be_cut_off_proves_no_absence(tmp_path: Path) -> None:
    """Its last line is not used, even if it looks whole, and nothing is removed; `complete: true` says it is
    whole.
    """
    source = lines({"uid": "1", "name": "New"}, {"uid": "2", "name": "Philip"}).removesuffix("\n")
    there = lines(*({"uid": str(number), "name": "Old"} for number in range(1, 4)))
    for cut in (source, source[:-4]):
        plan = job(tmp_path, cut, there).plan()
        assert actions(plan) == [("update", "1")]
        assert "file staff.jsonl, line 2: the file ends here without a line break" in plan.problems[0].message
    whole = job(tmp_path, source, there, complete=True).plan()
    assert sorted(actions(whole)) == [("delete", "3"), ("update", "1"), ("update", "2")]
    assert reading(tmp_path, source.encode())[1] is End.CUT_OFF
    assert reading(tmp_path, source.encode(), complete=True)[1] is End.DECLARED_WHOLE


def test_an_empty_source_is_an_export_that_failed(tmp_path: Path) -> None:
    """A file without a single line gives no plan."""
    with pytest.raises(
        IncompleteListing, match=r"staff\.jsonl: the file is empty\. An export may have failed"
    ):
        job(tmp_path, "\n", lines({"uid": "1"})).plan()


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ('{"uid": "1"}\n{"uid": \n', "line 2: this is not one JSON object"),
        ('{"uid": "1"}\n{"uid": "2"}', "line 2: the file ends here without a line break"),
        ('{"uid": "1", "uid": "2"}\n', "line 1: this is not one JSON object"),
        ('{"uid": ["1", "2"]}\n', "line 1: the key uid has several values. Leave one."),
        ('{"uid": "1"}\n{"uid": "2", "phone": 6}\n', "line 2: phone is neither a text nor a list of texts"),
    ],
)
def test_a_destination_that_cannot_be_read_is_not_written(tmp_path: Path, there: str, said: str) -> None:
    """It could not be written again without losing something, so there is no plan, and the file stays."""
    with pytest.raises(IncompleteListing) as raised:
        job(tmp_path, lines({"uid": "1", "name": "New"}), there).run()
    assert f"file phones.jsonl, {said}" in str(raised.value)
    assert (tmp_path / "phones.jsonl").read_text() == there


def test_lines_without_a_key_or_with_the_same_key_are_left_alone(tmp_path: Path) -> None:
    """They cannot be told apart; everything else goes on."""
    there = lines({"name": "none"}, {"uid": ""}, {"uid": "2", "name": "x"}, {"uid": "2"})
    copy = job(tmp_path, lines({"uid": "2", "name": "y"}, {"uid": "3"}), there)
    assert actions(copy.run()) == [("create", "3")]
    assert (tmp_path / "phones.jsonl").read_text() == there + lines({"uid": "3"})


def test_a_filter_chooses_records_but_never_leaves_out_what_cannot_be_read(tmp_path: Path) -> None:
    """A value that is not understood may be the one that is asked for."""
    content = lines({"uid": "1", "dept": "Crew"}, {"uid": "2", "dept": "office"}, {"uid": "3"})
    content += '{"uid": "4", "dept": 5}\nbroken\n'
    records, _ = reading(tmp_path, content.encode(), "uid", filter="(dept=crew)")
    assert [record.id for record in records] == ["line 1", "line 4", "line 5"]
    source = file_source(FileEndpoint(file="staff.jsonl", filter="(dept=crew)"), tmp_path)
    assert (source.selects(records[0]), source.rule("anything").single) == (False, False)
    with pytest.raises(EndpointError, match="line 5"):
        list(source.index("uid", None))
    with pytest.raises(SchemaError, match="no line has the field dpt"):
        reading(tmp_path, lines({"uid": "1"}).encode(), "uid", filter="(dpt=crew)")


# -- hostile content -----------------------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    '"\\ \u2028\u202e\x85',
    "\x00\x07\x1b[2J\r\n\t",
    "{{ 7 * 7 }} %NOW% ${HOME}",
    "Ünïcödé \U0001f680 e\u0301 \u00e9",
    "x" * 500_000,
]


def test_values_are_data(tmp_path: Path) -> None:
    """Whatever a value holds, it arrives as it is, once, and is read back as the same."""
    copy = job(tmp_path, lines({"uid": "1", "name": "n", "phone": HOSTILE}, {"uid": HOSTILE[0]}))
    copy.run()
    by_key = {one["uid"]: one for one in objects_of_text((tmp_path / "phones.jsonl").read_bytes())}
    assert by_key["1"]["phone"] == sorted(HOSTILE)
    assert HOSTILE[0] in by_key
    assert actions(copy.plan()) == []


def objects_of_text(content: bytes) -> list[Any]:
    """As `objects`, but lines end at line feeds only."""
    return [json.loads(line) for line in content.decode().split("\n") if line]


def test_a_key_with_a_line_break_makes_no_second_line(tmp_path: Path) -> None:
    """JSON spells line breaks out, so a value cannot smuggle in an object."""
    job(tmp_path, lines({"uid": '1"}\n{"uid": "2'})).run()
    assert [one["uid"] for one in objects_of_text((tmp_path / "phones.jsonl").read_bytes())] == [
        '1"}\n{"uid": "2'
    ]


def test_a_line_that_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    """Two sources of long values may make one line that is too long; the file stays as it is."""
    there = lines({"uid": "1", "note": "x" * (LONGEST - 100)}, {"uid": "2"})
    copy = job(tmp_path, lines({"uid": "1", "name": "y" * 200}), there)
    with pytest.raises(EndpointError, match=r"row 1 would be longer than .* Map fewer fields"):
        copy.run()
    assert (tmp_path / "phones.jsonl").read_text() == there


# -- writing -------------------------------------------------------------------------------------------------


def destination_in(folder: Path) -> Any:
    """The destination without a job around it."""
    return file_destination(
        FileEndpoint(file="phones.jsonl"), folder, keys=("uid",), fields=tuple(FIELDS), naming_attribute="cn"
    )


def results(outcomes: Any) -> list[Result]:
    """What became of changes."""
    return [outcome.result for outcome in outcomes]


def planned(folder: Path) -> Plan:
    """A plan that creates, updates and deletes."""
    source = lines({"uid": "1", "name": "New", "phone": ["2", "3"]}, {"uid": "3", "name": "C"})
    return job(folder, source, lines({"uid": "1", "name": "Old", "phone": "1"}, {"uid": "2"})).plan()


def test_what_someone_has_changed_since_the_plan_is_a_conflict(tmp_path: Path) -> None:
    """Nothing of theirs is overwritten, in whatever way they have changed it; unmapped fields may change."""
    plan = planned(tmp_path)
    there = '{"uid": "1", "name": 7, "phone": "1"}\n{"uid": "2", "name": "back"}\n{"uid": "3"}\n'
    (tmp_path / "phones.jsonl").write_text(there)
    outcomes = list(destination_in(tmp_path).write(enumerate(plan.changes), before_send=lambda: None))
    assert results(outcomes) == [Result.CONFLICT] * 2 + [Result.DONE]  # a deletion sees mapped values only
    assert all("row " in outcome.message for outcome in outcomes[:2])


def test_an_interrupted_run_finds_out_what_it_did(tmp_path: Path) -> None:
    """Written once, a plan is found done, by `write` that verifies and by `look`; not written, not done."""
    plan = planned(tmp_path)
    changes = list(enumerate(plan.changes))
    destination = destination_in(tmp_path)
    assert results(destination.look(changes, renamed={})) == [Result.NOT_DONE] * 3
    assert results(destination.write(changes, before_send=lambda: None)) == [Result.DONE] * 3
    written = (tmp_path / "phones.jsonl").read_bytes()
    assert results(destination.look(changes, renamed={})) == [Result.FOUND_DONE] * 3
    assert (
        results(destination.write(changes, before_send=lambda: None, verify=range(3)))
        == [Result.FOUND_DONE] * 3
    )
    assert (tmp_path / "phones.jsonl").read_bytes() == written


def test_the_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    """A lost lease leaves the old file as it is, and nothing else in the folder; the mode is kept."""
    plan = planned(tmp_path)
    path = tmp_path / "phones.jsonl"
    path.chmod(0o604)
    before = path.read_bytes()

    def lost() -> None:
        raise RuntimeError("the lease is lost")

    with pytest.raises(RuntimeError, match="lease"):
        list(destination_in(tmp_path).write(enumerate(plan.changes), before_send=lost))
    assert (path.read_bytes(), sorted(each.name for each in tmp_path.iterdir())) == (
        before,
        ["phones.jsonl", "staff.jsonl"],
    )
    old = path.open("rb")
    with old:
        list(destination_in(tmp_path).write(enumerate(plan.changes), before_send=lambda: None))
        assert old.read() == before  # who has opened it still reads the old one
    assert path.stat().st_mode & 0o777 == 0o604


def test_a_binary_value_is_refused(tmp_path: Path) -> None:
    """JSON holds text; the message names row and field."""
    change = Change(
        Action.CREATE, "1", "1", fields=(FieldChange("uid", (), (b"1",)), FieldChange("name", (), (b"\xff",)))
    )
    (outcome,) = destination_in(tmp_path).write([(0, change)], before_send=lambda: None)
    assert (outcome.result, outcome.message) == (
        Result.FAILED,
        "row 1: name is binary, and JSON lines hold text only.",
    )
    assert "binary" in destination_in(tmp_path).rule("name").check(b"\xff")


# -- the command line ----------------------------------------------------------------------------------------

DEFINITION = """
name: phone_list
jobs:
  - name: phones
    source: {file: staff.jsonl}
    destination: {file: phones.jsonl}
    object: row
    missing_at_source: delete
    fields:
      uid: {from: uid, key: true}
      name: name
      phone: phone
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A definition in a folder with its source."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATA_FOLDER", str(tmp_path))
    monkeypatch.delenv("AIRFLOW_CONFIG", raising=False)
    job(tmp_path, lines({"uid": "1", "name": "<b>Amy</b>"}, {"uid": "2", "phone": ["5", "\x1b[2J"]}))
    path = tmp_path / "phone_list.yaml"
    path.write_text(DEFINITION)
    return path


def test_a_definition_is_checked(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`validate` knows the ending, warns of keys without effect, and offers the ending for one that is nearly
    it.
    """
    assert main(["validate", str(file)]) == 0
    assert "warning" not in capsys.readouterr().out
    file.write_text(DEFINITION.replace("{file: staff.jsonl}", '{file: staff.jsonl, delimiter: ";"}'))
    assert main(["validate", str(file)]) == 0
    assert "source.delimiter: warning: has no effect on a .jsonl file" in capsys.readouterr().out
    file.write_text(DEFINITION.replace("staff.jsonl", "staff.jsnl"))
    assert main(["validate", str(file)]) == 2
    assert "did you mean .jsonl?" in capsys.readouterr().out


def test_a_job_is_previewed_and_run(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A preview writes nothing; a run writes what it showed; only what the job knows is removed."""
    (tmp_path / "phones.jsonl").write_text(lines({"uid": "other", "name": "not ours"}))
    for format_ in ("table", "json", "csv", "ldif"):
        assert main(["preview", str(file), "--format", format_]) == 10
        shown = capsys.readouterr().out
        assert "<b>Amy</b>" in shown
        assert "\x1b" not in shown
    assert len(objects(tmp_path)) == 1

    assert main(["db", "upgrade"]) == 0
    assert main(["run", str(file)]) == 0
    capsys.readouterr()
    assert [one["uid"] for one in objects(tmp_path)] == ["other", "1", "2"]
    assert main(["preview", str(file)]) == 0

    job(tmp_path, lines({"uid": "1", "name": "Amy"}))
    capsys.readouterr()
    assert main(["preview", str(file), "--format", "json"]) == 10
    (told,) = json.loads(capsys.readouterr().out)["jobs"]
    assert sorted((change["action"], change["key"]) for change in told["changes"]) == [
        ("delete", "2"),
        ("update", "1"),
    ]
    assert main(["run", str(file)]) == 0
    assert objects(tmp_path) == [{"uid": "other", "name": "not ours"}, {"uid": "1", "name": "Amy"}]


def test_records_are_shown(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`query` shows both sides; a destination that is not there yet is an empty one."""
    assert main(["query", str(file), "--job", "phones", "--format", "json"]) == 0
    assert "Amy" in capsys.readouterr().out
    assert main(["query", str(file), "--job", "phones", "--side", "destination"]) == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [("staff.jsonl", "there is no such file. Put it to"), ("phones.jsonl", "line 1: this is not")],
)
def test_errors_name_place_and_remedy(
    file: Path, tmp_path: Path, name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A source that is not there, and a destination that cannot be read, end the command."""
    (tmp_path / name).unlink(missing_ok=True)
    if name == "phones.jsonl":
        (tmp_path / name).write_text("no JSON\n")
    assert main(["preview", str(file)]) == 1
    shown = capsys.readouterr()
    assert f"file {name}" in shown.out + shown.err
    assert said in " ".join((shown.out + shown.err).split())
