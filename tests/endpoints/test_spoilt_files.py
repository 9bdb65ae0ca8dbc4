"""Files as source that have suddenly gone bad, and files as destination that somebody changes between plan
and apply.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from directory_sync.definition.models import Collection
from directory_sync.endpoints.change import Result
from directory_sync.run import apply_step
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import run_job
from directory_sync.run.result import JobResult, JobState
from directory_sync.store.store import Store
from tests.scenarios.new_store import new_store
from tests.scenarios.no_connections import NoConnections

PEOPLE = 40
Person = dict[str, str]
Content = Callable[[Sequence[Person]], bytes]


def csv(people: Sequence[Person], columns: Sequence[str] = ("uid", "cn", "sn")) -> bytes:
    rows = [",".join(person.get(column, "") for column in columns) for person in people]
    return "".join(f"{line}\n" for line in [",".join(columns), *rows]).encode()


def ldif(people: Sequence[Person]) -> bytes:
    blocks = ["version: 1\n"]
    for person in people:
        values = {"dn": f"cn={person['cn']},dc=x", "objectClass": "inetOrgPerson", **person}
        blocks.append("".join(f"{name}: {value}\n" for name, value in values.items()))
    return "\n".join(blocks).encode()


KINDS: dict[str, Content] = {"csv": csv, "ldif": ldif}


class Folder:
    """A source and a destination file of a kind, with the same people, and a store.

    Attributes:
        between: done after the plan is stored and before the first write.
    """

    def __init__(self, path: Path, kind: str, store: Store) -> None:
        self.source, self.destination = path / f"in.{kind}", path / f"out.{kind}"
        self.content = KINDS[kind]
        self.people: list[Person] = [{"uid": f"p{n}", "cn": f"p{n}", "sn": "Zoe"} for n in range(PEOPLE)]
        self.source.write_bytes(self.content(self.people))
        self.destination.write_bytes(self.content(self.people))
        self.between: Callable[[], object] = lambda: None
        self._path, self._store, self._numbers = path, store, itertools.count()

    def run(self, **collection: Any) -> JobResult:
        fields: dict[str, Any] = {"uid": {"from": "uid", "key": True}, "cn": "cn", "sn": "sn"}
        if self.content is ldif:
            fields["dn"] = {"template": "cn={{ cn }},dc=x"}
        job = {
            "name": "people",
            "source": {"file": self.source.name},
            "destination": {"file": self.destination.name},
            "object": "row" if self.content is csv else "inetOrgPerson",
            "missing_at_source": "delete",
            "remove": "all",
            "fields": fields,
        }
        definition = Collection.model_validate({"name": "corp", "jobs": [job], **collection})
        snapshot = self._store.runs.start(
            definition, f"{next(self._numbers)}", trigger="test", requester="t", verified=False
        )
        deployment = Deployment(NoConnections(), self._path)
        return run_job(
            snapshot, snapshot.collection.jobs[0], deployment=deployment, store=self._store, holder="test"
        )


@pytest.fixture(params=KINDS)
def folder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Folder]:
    """Forty people, for each kind of file."""
    new_store(tmp_path / "store.db")
    apply = apply_step.apply_plan
    with Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        made = Folder(tmp_path, request.param, store)

        def interfere(*arguments: Any, **more: Any) -> Any:
            made.between()
            return apply(*arguments, **more)

        monkeypatch.setattr(apply_step, "apply_plan", interfere)
        yield made


# -- sources -------------------------------------------------------------------------------------------------


def emptied(people: list[Person]) -> list[Person]:
    return []


def halved(people: list[Person]) -> list[Person]:
    return people[::2]


def attribute_gone(people: list[Person]) -> list[Person]:
    return [{**person, "sn": ""} for person in people]


def keys_in_capitals(people: list[Person]) -> list[Person]:
    return [{**person, "uid": person["uid"].upper()} for person in people]


def keys_of_another_kind(people: list[Person]) -> list[Person]:
    return [{**person, "uid": f"{number:06}"} for number, person in enumerate(people)]


def all_the_same_key(people: list[Person]) -> list[Person]:
    return [{**person, "uid": "p0"} for person in people]


def keys_gone(people: list[Person]) -> list[Person]:
    return [{**person, "uid": ""} for person in people]


@pytest.mark.parametrize(
    "spoil", [emptied, halved, attribute_gone, keys_in_capitals, keys_of_another_kind, all_the_same_key]
)
def test_default_limits_hold_before_the_first_write(
    folder: Folder, spoil: Callable[[list[Person]], list[Person]]
) -> None:
    """With the default limits a file that has suddenly gone bad changes not one octet at the destination."""
    folder.source.write_bytes(folder.content([drop_empty(person) for person in spoil(folder.people)]))
    before = folder.destination.read_bytes()
    result = folder.run()
    assert folder.destination.read_bytes() == before
    assert result.state is JobState.STOPPED_BY_LIMIT, result.message
    assert "planned" in result.message


def drop_empty(person: Person) -> Person:
    """Without values that are empty, which LDIF writes as values."""
    return {name: value for name, value in person.items() if value}


def test_unreadable_keys_delete_nobody(folder: Folder) -> None:
    """Records without a key may be anybody's: nothing is concluded from absence."""
    folder.source.write_bytes(folder.content([drop_empty(person) for person in keys_gone(folder.people)]))
    before = folder.destination.read_bytes()
    result = folder.run(limits={"delete": "none"})
    assert folder.destination.read_bytes() == before
    assert (result.statistics.errors, result.statistics.deleted) == (PEOPLE, 0)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_file_that_is_cut_off_deletes_nobody(folder: Folder, share: float) -> None:
    """A file of which only the beginning has come is no shorter listing, wherever it ends.

    In LDIF the entries before the last line can be told apart, in CSV the cells of the last row are too few.
    """
    whole = folder.source.read_bytes()
    at = whole.rfind(b"p", 0, int(len(whole) * share)) + 1 if share else 0
    folder.source.write_bytes(whole[:at])
    before = folder.destination.read_bytes()
    result = folder.run(limits={"delete": "none"})
    assert folder.destination.read_bytes() == before
    begun = folder.content is ldif and share > 0
    assert result.state is (JobState.SUCCESS_WITH_ERRORS if begun else JobState.INCOMPLETE), result.message


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_broken_encoding_writes_nothing(folder: Folder, encoding: str) -> None:
    """Octets that are no UTF-8 end a CSV listing, or spoil each entry of an LDIF file; no text is guessed
    from them.
    """
    text = folder.content(folder.people).decode().replace("Zoe", "Zoë")
    folder.source.write_bytes(text.encode(encoding))
    before = folder.destination.read_bytes()
    result = folder.run()
    assert folder.destination.read_bytes() == before
    whole = (
        folder.content is ldif and encoding == "latin-1"
    )  # there lines and entries can still be told apart
    assert result.state is (JobState.SUCCESS_WITH_ERRORS if whole else JobState.INCOMPLETE), result.message
    assert result.statistics.errors == (PEOPLE if whole else 0)


# -- destinations --------------------------------------------------------------------------------------------


def gone(folder: Folder) -> None:
    """Somebody takes the record out."""
    people = [person for person in folder.people if person["uid"] != "p1"]
    folder.destination.write_bytes(folder.content(people))


def taken(folder: Folder) -> None:
    """Somebody adds the very record that is to be created, with other values."""
    folder.destination.write_bytes(
        folder.content([*folder.people, {"uid": "new", "cn": f"p{PEOPLE}", "sn": "theirs"}])
    )


def another_value(folder: Folder) -> None:
    """Somebody changes the value that the plan has seen."""
    people = [{**person, "sn": "theirs"} if person["uid"] == "p1" else person for person in folder.people]
    folder.destination.write_bytes(folder.content(people))


def another_person(folder: Folder) -> None:
    """Another person has got the name of the one that is meant, who is gone."""
    people = [{**person, "uid": "theirs"} if person["uid"] == "p1" else person for person in folder.people]
    folder.destination.write_bytes(folder.content(people))


@pytest.mark.parametrize(
    ("kind", "interference"),
    [
        ("create", taken),
        *(
            (kind, interference)
            for kind in ("update", "delete")
            for interference in (another_value, another_person)
        ),
        ("update", gone),
    ],
)
def test_nothing_of_theirs_is_overwritten(
    folder: Folder, kind: str, interference: Callable[[Folder], None]
) -> None:
    """What somebody has written after the plan was made stands; ours is a conflict; the rest goes on."""
    wanted = [dict(person) for person in folder.people]
    wanted[0]["sn"] = "Ours"
    match kind:
        case "update":
            wanted[1]["sn"] = "Ours"
        case "delete":
            del wanted[1]
        case _:
            wanted.append({"uid": "new", "cn": f"p{PEOPLE}", "sn": "Ours"})
    folder.source.write_bytes(folder.content(wanted))
    folder.between = lambda: interference(folder)
    result = folder.run()
    (place,) = (place for place, change in enumerate(result.changes) if change.key != "p0")
    assert result.outcomes[place].result is Result.CONFLICT, result.outcomes
    assert result.state is JobState.CONFLICTS
    text = folder.destination.read_text()
    assert text.count("Ours") == 1
    assert ("theirs" in text) == (interference is not gone)
