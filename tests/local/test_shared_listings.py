"""One listing for two plans: the second reads what the first has recorded, as if the place had answered."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from directory_sync.definition.models import Collection
from directory_sync.endpoints.contract import Batch, Record, Source
from directory_sync.endpoints.evidence import End, Ending, Evidence
from directory_sync.run.shared_listings import Recording, shared_listings

NOW = datetime(2026, 11, 30, tzinfo=UTC)
RECORDS = [
    Record("cn=fry", {"cn": [b"fry"], "Mail": [b"a", b"b"], "age": [b"25"]}),
    Record("cn=leela", {"cn": [b"leela"]}, "odd", True),
    Record("", {}),
]


class Place:
    """An endpoint that counts how often it is asked, and for what; may break off."""

    def __init__(self, *, known: Sequence[str] | None = None, breaks: bool = False) -> None:
        self.asked: list[list[str]] = []
        self._known, self._breaks = known, breaks

    def fields(self) -> Sequence[str] | None:
        return self._known

    def read(self, fields: Sequence[str]) -> Generator[Batch, None, Evidence]:
        self.asked.append(list(fields))
        wanted = {name.casefold(): name for name in fields}
        for record in RECORDS:
            values = {
                wanted[name.casefold()]: held
                for name, held in record.values.items()
                if name.casefold() in wanted
            }
            yield [record._replace(values=values)]
            if self._breaks:
                raise OSError("gone")
        return Evidence("ship", "dc=x", "", "", len(RECORDS), 1, End.LAST_PAGE, NOW, NOW)


def read(recording: Recording, place: Place, *fields: str) -> tuple[list[Record], Evidence]:
    listing = Ending(recording.read(cast("Source", place), fields))
    return [record for batch in listing for record in batch], listing.said


def test_the_second_reader_gets_the_same() -> None:
    """Records, problems and evidence; the place is asked once, for what both need."""
    recording, place = Recording(), Place()
    recording.also = ("AGE", "CN", "age")
    first, said = read(recording, place, "cn", "mail")
    assert place.asked in ([["cn", "mail", "age"]], [["cn", "mail", "AGE"]])
    assert [record.values for record in first] == [
        {"cn": [b"fry"], "mail": [b"a", b"b"]},
        {"cn": [b"leela"]},
        {},
    ]
    second, again = read(recording, place, "Age", "cn")
    assert len(place.asked) == 1
    assert second == [
        Record("cn=fry", {"Age": [b"25"], "cn": [b"fry"]}),
        Record("cn=leela", {"cn": [b"leela"]}, "odd", True),
        Record("", {}),
    ]
    assert again == said
    recording.close()


def test_a_field_that_was_not_read_is_asked_for() -> None:
    """The place is read again; one that it does not have is not asked for in vain."""
    recording, place = Recording(), Place(known=["cn", "mail"])
    recording.also = ("age",)
    read(recording, place, "cn")
    assert place.asked == [["cn"]]
    read(recording, place, "cn", "age")
    assert place.asked == [["cn"], ["cn", "age"]]


def test_a_listing_that_broke_off_is_not_used() -> None:
    """Half of the records would look as if the others had gone."""
    recording = Recording()
    with pytest.raises(OSError, match="gone"):
        read(recording, Place(breaks=True), "cn")
    place = Place()
    records, _ = read(recording, place, "cn")
    assert len(records) == 3
    assert place.asked == [["cn"]]


def job(**given: Any) -> Any:
    """A job from one directory to another."""
    text = {
        "name": "people",
        "object": "user",
        "source": {"connection": "ship", "container": "ou=people,dc=ship"},
        "destination": {"connection": "office", "container": "ou=people,dc=office"},
        "fields": {"cn": {"from": "cn", "key": True}},
        **given,
    }
    return Collection.model_validate({"name": "crew", "jobs": [text]}).jobs[0]


def test_what_two_definitions_share() -> None:
    """The same place, filter and scope; of a file that is written to, nothing."""
    one = job()
    same = shared_listings(one, job(fields={"cn": {"from": "uid", "key": True}}))
    assert same is not None
    assert same.source is not None
    assert same.destination is not None
    filtered = {"connection": "ship", "container": "ou=people,dc=ship", "filter": "(sn=*)"}
    half = shared_listings(one, job(source=filtered))
    assert half is not None
    assert half.source is None
    file = job(destination={"file": "out.csv"}, object="row", source={"file": "in.csv"})
    of_files = shared_listings(file, file)
    assert of_files is not None
    assert of_files.destination is None
    assert of_files.source is not None
    elsewhere = {"connection": "other", "container": "ou=people,dc=office"}
    assert shared_listings(one, job(source=filtered, destination=elsewhere)) is None
