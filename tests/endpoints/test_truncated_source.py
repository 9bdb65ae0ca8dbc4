"""A file that lacks its last part, though it ends with a line break: what would be removed tells so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from directory_sync.endpoints.evidence import End
from directory_sync.plan.patterns.model import InCommon
from directory_sync.present.patterns import pattern_lines
from directory_sync.store.store import Store
from tests.scenarios.file_jobs import FileJob

FIELDS: dict[str, Any] = {"id": {"from": "id", "key": True}, "name": "name"}
REMOVES = {"missing_at_source": "delete", "remove": "all"}
PEOPLE = [(f"p{number:05}", f"Person {number}") for number in range(9_000)]


def csv_of(people: list[tuple[str, str]]) -> str:
    return "".join(f"{key},{name}\n" for key, name in [("id", "name"), *people])


def ldif_of(people: list[tuple[str, str]]) -> str:
    entries = (f"dn: id={key},dc=x\nid: {key}\nname: {name}\n" for key, name in people)
    return "\n".join(["version: 1\n", *entries])


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [("in.csv", csv_of(PEOPLE[:8_038]), 8_039), ("in.ldif", ldif_of(PEOPLE[:8_038]), 3 + 4 * 8_037)],
)
def test_what_stood_in_the_lacking_part(
    tmp_path: Path, store: Store, name: str, content: str, line: int
) -> None:
    """All removals come after the last line that is there: plan and stored patterns say so."""
    (tmp_path / "out.csv").write_text(csv_of(PEOPLE))
    job = FileJob(tmp_path, FIELDS, name, "out.csv", REMOVES)
    job.write_source(content)
    plan = job.plan()
    assert plan.evidence is not None
    assert plan.evidence.source.end is End.LINE_BREAK
    assert plan.statistics.deleted == len(plan.changes) == 962

    run = store.runs.start(job.collection, "run 1", trigger="manual", requester="", verified=False)
    plan_id = store.plans.save(store.runs.start_job(run.id, "copy").id, plan)
    stored = store.plan_pages.head(plan_id).evidence
    assert stored is not None
    assert stored.source.last == plan.evidence.source.last
    patterns = store.plan_patterns.of(plan_id)
    assert patterns is not None
    (gone,) = patterns.lines
    (place,) = [each for each in gone.common if each.kind is InCommon.PLACE]
    assert (place.subject, place.line, place.number, place.count, place.of) == (name, line, 8_038, 962, 962)
    (text,) = pattern_lines(patterns, job.collection.jobs[0], most=5, with_values=False)
    assert f"all after line {line:,} of the file" in text


@pytest.mark.parametrize(
    "people",
    [PEOPLE[4_000:8_038] + PEOPLE[:4_000], PEOPLE[962:], [*PEOPLE[:8_037], ("P00000", "Again")]],
    ids=["not sorted", "lacks its first part", "ends with another key"],
)
def test_nothing_is_told_of_other_files(tmp_path: Path, people: list[tuple[str, str]]) -> None:
    """A file that is not sorted by its keys may lack anything; one without its first part ends as it did."""
    (tmp_path / "out.csv").write_text(csv_of(PEOPLE))
    job = FileJob(tmp_path, FIELDS, "in.csv", "out.csv", REMOVES)
    job.write_source(csv_of(people))
    plan = job.plan()
    assert plan.statistics.deleted > 900
    assert plan.evidence is not None
    last = plan.evidence.source.last
    assert last is None or not any(last.is_before(change.key) for change in plan.changes)
