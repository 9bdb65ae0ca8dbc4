"""A preview shows everything that would change, harmlessly, in each of its formats."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from directory_sync.cli import preview_formats
from directory_sync.cli.preview_formats import COLUMNS, write_csv, write_ldif, write_table
from directory_sync.definition.models import Job
from directory_sync.definition.secrets import secret_fields
from directory_sync.endpoints.change import Action, Change, FieldChange, Mark, MarkKind
from directory_sync.endpoints.exchanges import Part
from directory_sync.present.ldif import change_record, ldif_records
from directory_sync.present.report import change_report
from directory_sync.present.rows import change_rows
from directory_sync.present.shown import visible
from directory_sync.run.deployment import Deployment
from directory_sync.run.result import JobResult, JobState
from tests.scenarios.job_results import CHANGES, collection, ended, previewed, stopped

HARMLESS = r"\x1b[2J\u202eevil\ndirectory-sync: all is well"
"""How the hostile text is shown."""


class Terminal(io.StringIO):
    """A terminal that keeps what is shown."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Whether people look at it."""
        return True


def table(*results: JobResult, stream: io.StringIO | None = None) -> str:
    """What people see of these previews."""
    stream = stream or io.StringIO()
    write_table(stream, collection(*(result.job for result in results)), results)
    return stream.getvalue()


# -- table ---------------------------------------------------------------------------------------------------


def test_the_table_shows_every_change_the_most_serious_kind_first() -> None:
    """Tally, then deletions, moves, updates and creations with old and new values."""
    assert table(previewed(errors=1)).splitlines() == [
        "people: 5 changes; 120 read, 5 created, 1 errors",
        f"  delete   {HARMLESS}  uid={HARMLESS},ou=people,dc=office",
        f"      description: {HARMLESS}",
        "  move     amy  uid=amy,ou=people,dc=office",
        "      → uid=amy,ou=left,dc=office",
        "  update   leela  uid=leela,ou=people,dc=office",
        "      mail: a@x | b@x → c@x",
        "      title: → Kapitän",
        "  update   ship  cn=ship,ou=groups,dc=office",
        "      member: - uid=bender",
        "      member: + uid=fry | uid=leela",
        "  create   fry  uid=fry,ou=people,dc=office",
        "      uid: fry",
        "      jpegPhoto: <512 bytes>",
        "      pin: ***",
        "      userPassword: ***",
        "  error: key 0 (line 0): no surname",
    ]


def test_several_jobs_are_summed_up() -> None:
    """After the last of several jobs their changes are counted together."""
    assert table(previewed("one"), previewed("two", changes=())).splitlines()[-1] == (
        "2 jobs: 5 changes (1 delete, 1 move, 2 update, 1 create)"
    )


def test_what_stands_in_the_way_is_told() -> None:
    """Limits that the plan goes past, and why a job could not be planned."""
    shown = table(
        stopped("one"), replace(ended(JobState.FAILED, "two"), message="connection office: refused.")
    )

    assert "exceeded: limit delete: 1 planned, 0 allowed" in shown
    assert "limit create" not in shown
    assert "two: failed\n  connection office: refused." in shown


def test_colour_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe gets none; a terminal does unless NO_COLOR is set or it cannot."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    plain = table(previewed())

    assert "\x1b" not in plain
    assert "\x1b[31mdelete \x1b[0m" in table(previewed(), stream=Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert table(previewed(), stream=Terminal()) == plain
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert table(previewed(), stream=Terminal()) == plain


def test_an_ascii_terminal_gets_an_ascii_arrow() -> None:
    """Where `→` cannot be written, `->` stands for it."""
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding="ascii", errors="backslashreplace")
    write_table(stream, collection("people"), [previewed()])
    stream.flush()

    assert b"mail: a@x | b@x -> c@x" in buffer.getvalue()


class Streamed:
    """A plan that makes its changes one by one and remembers how many of them exist at the same time at
    most.
    """

    def __init__(self, number: int) -> None:
        self.number = number

    def __len__(self) -> int:
        return self.number

    def __iter__(self) -> Iterator[Change]:
        for number in range(self.number):
            action = Action.DELETE if number % 2 else Action.CREATE
            yield Change(action, str(number), f"uid={number}", fields=(FieldChange("sn", (), (b"x" * 100,)),))


def test_large_plans_are_shown_completely() -> None:
    """Nothing is left out of 20,000 changes."""
    shown = table(JobResult("people", JobState.PREVIEWED, changes=Streamed(20_000)))

    assert shown.count("\n  delete") == shown.count("\n  create") == 10_000


# -- CSV -----------------------------------------------------------------------------------------------------


def test_csv_has_a_row_for_each_field() -> None:
    """The promised columns; a change without fields is a row too; nothing that a terminal would obey."""
    stream = io.StringIO()
    write_csv(stream, collection("people"), [previewed()])
    rows = list(csv.reader(io.StringIO(stream.getvalue())))

    assert (
        tuple(rows[0])
        == COLUMNS
        == ("job", "action", "key", "object", "new_object", "field", "old", "new", "marks")
    )
    assert [row[:-1] for row in rows[5:9]] == [
        ["people", "update", "leela", "uid=leela,ou=people,dc=office", "", "mail", "a@x | b@x", "c@x"],
        ["people", "update", "leela", "uid=leela,ou=people,dc=office", "", "title", "", "Kapitän"],
        [
            "people",
            "update",
            "ship",
            "cn=ship,ou=groups,dc=office",
            "",
            "member",
            "uid=bender",
            "uid=fry | uid=leela",
        ],
        ["people", "move", "amy", "uid=amy,ou=people,dc=office", "uid=amy,ou=left,dc=office", "", "", ""],
    ]
    assert [row[-2] for row in rows[2:5]] == ["<512 bytes>", "***", "***"]
    assert "\x1b" not in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == len(rows)


def test_marks_of_removals_stand_in_every_format() -> None:
    """What was never matched, or what another job claims, is marked in table, CSV, LDIF and JSON."""
    marks = (Mark(MarkKind.NEVER_MATCHED), Mark(MarkKind.CLAIMED_BY, "hr.staff"))
    change = Change(Action.DELETE, "fry", "uid=fry,dc=x", marks=marks)
    text = "never matched before; claimed by hr.staff"
    assert text in table(JobResult("people", JobState.PREVIEWED, changes=[change]))
    shown = visible(change, lambda name: False)
    (row,) = change_rows("people", shown)
    assert row[-1] == text
    assert "# never matched before\n# claimed by hr.staff\n" in change_record(shown, "")
    report = change_report(shown)
    assert report["marks"] == [{"kind": "never_matched"}, {"kind": "claimed_by", "subject": "hr.staff"}]


# -- LDIF ----------------------------------------------------------------------------------------------------


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[Change]:
    """What the destination was asked to render."""
    asked: list[Change] = []

    def rendered_part(change: Change, part: Part) -> str:
        asked.append(change)
        return f"dn: {change.object.splitlines()[0]}\nchangetype: {change.action}\n\n"

    def render(
        _collection: object, job: Job, changes: Sequence[Change], _deployment: object
    ) -> Iterator[str]:
        return ldif_records(
            (visible(change, secret_fields(job)) for change in changes),
            rendered_part,
            normalise=str.casefold,
            above=lambda _: (),
        )

    monkeypatch.setattr(preview_formats, "render_changes", render)
    return asked


def ldif(deployment: Deployment, *results: JobResult) -> str:
    """The preview as LDIF."""
    stream = io.StringIO()
    write_ldif(stream, collection(*(result.job for result in results)), results, deployment=deployment)
    return stream.getvalue()


@pytest.fixture
def deployment() -> Deployment:
    """Nothing of it is used, because rendering is replaced."""
    return Deployment(connections=None, data_folder=None)  # type: ignore[arg-type]


def test_ldif_names_the_job_and_each_record(rendered: list[Change], deployment: Deployment) -> None:
    """Records stand in the plan's order, each below a comment; a comment is one line whatever it quotes."""
    text = ldif(deployment, previewed(errors=1))

    assert text.startswith(
        "version: 1\n\n# job people to office: 5 changes\n# error: key 0 (line 0): no surname\n\n# create"
        " fry\n"
    )
    assert [change.key for change in rendered] == [change.key for change in CHANGES]
    assert "\n# delete \\x1b[2J\\u202eevil\\ndirectory-sync: all is well\ndn: " in text
    assert "\n\n\n" not in text


def test_ldif_shows_no_secret(rendered: list[Change], deployment: Deployment) -> None:
    """Secret fields are left out and named in a comment; a change of nothing else is a comment only."""
    only_secret = Change(
        Action.UPDATE, "amy", "uid=amy", fields=(FieldChange("userPassword", (b"old",), (b"new",)),)
    )
    text = ldif(deployment, previewed(changes=(only_secret, *CHANGES)))

    assert (
        "\n# update amy\n# userPassword: secret, not shown\n\n# create fry\n# pin: secret, not shown\n"
        in text
    )
    assert [change.key for change in rendered] == [change.key for change in CHANGES]
    assert {field.field for change in rendered for field in change.fields}.isdisjoint({"pin", "userPassword"})


def test_a_job_that_failed_is_a_comment(rendered: list[Change], deployment: Deployment) -> None:
    """LDIF of a job that could not be planned says why."""
    text = ldif(deployment, replace(ended(JobState.FAILED), message="connection office: refused.\nStart it."))

    assert (
        text
        == "version: 1\n\n# job people to office: 0 changes\n# connection office: refused.\n#   Start it.\n"
    )
    assert not rendered
