"""What listings of real directories and files say of how they ended, and that a plan keeps it."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ldap.controls import SimplePagedResultsControl
from sqlalchemy import select, update

from directory_sync.definition.models import FileEndpoint
from directory_sync.endpoints.contract import Batch
from directory_sync.endpoints.evidence import End, Ending, Evidence
from directory_sync.errors import PlanAltered
from directory_sync.plan.model import PlanEvidence
from directory_sync.store.database import Database
from directory_sync.store.store import Store
from directory_sync.store.tables import PlanRow
from tests.scenarios import directories
from tests.scenarios.container import Container
from tests.scenarios.evidence import evidence_of
from tests.scenarios.files import file_destination, file_source
from tests.scenarios.plans import collection, creations, plan


def said(listing: Generator[Batch, None, Evidence]) -> tuple[int, int, End]:
    """Entries, pages and end, after reading all of it; times have to fit."""
    before = datetime.now(UTC)
    whole = Ending(listing)
    found = sum(len(batch) for batch in whole)
    evidence = whole.said
    assert before <= evidence.begun <= evidence.ended <= datetime.now(UTC)
    assert found == evidence.entries
    return evidence.entries, evidence.pages, evidence.end


@pytest.mark.parametrize(("page_size", "pages"), [(3, 3), (4, 2), (1000, 1)])
def test_a_directory_proves_the_end_by_its_last_page(
    container: Container, page_size: int, pages: int
) -> None:
    """Entries and pages are counted as they came."""
    for n in range(7):
        container.add(f"uid=u{n}")
    connection = directories.slapd_connection(container.slapd, page_size=page_size)
    source = directories.source(connection, container.dn, filter="(uid=*)")
    assert said(source.read(["uid"])) == (7, pages, End.LAST_PAGE)


def test_a_directory_says_what_it_was_asked(container: Container) -> None:
    """Container, scope, filter and connection are those of the definition."""
    source = directories.source(
        directories.slapd_connection(container.slapd), container.dn, filter="(uid=*)", scope="one"
    )
    listing = Ending(source.read(["uid"]))
    list(listing)
    evidence = listing.said
    assert (evidence.place, evidence.scope, evidence.filter) == (container.dn, "one", "(uid=*)")
    assert evidence.connection == source.settings.connection_id


def test_a_directory_without_pages_proves_the_end_by_its_answer(container: Container) -> None:
    """One object, or a server that knows no pages: the server says that the search has succeeded."""
    container.add("uid=fry")
    assert said(container.source(scope="base").read([])) == (1, 0, End.WHOLE_ANSWER)
    source = container.source(filter="(uid=*)")
    paged = SimplePagedResultsControl.controlType
    source.server.root = replace(source.server.root, controls=source.server.root.controls - {paged})
    assert said(source.read([])) == (1, 0, End.WHOLE_ANSWER)


CSV = b"id,name\n1,Amy\n2,"


@pytest.mark.parametrize(
    ("content", "complete", "end"),
    [
        (CSV + b"Phil\n", False, End.LINE_BREAK),
        (CSV + b"Phil\n", True, End.LINE_BREAK),
        (CSV + b"Phil\n\x1a", False, End.LINE_BREAK),
        (CSV + b"Phil\n   ", False, End.LINE_BREAK),
        (CSV + b'"Phil"', False, End.QUOTED_CELL),
        (CSV + b"Phil", True, End.DECLARED_WHOLE),
        (CSV + b"Phil", False, End.CUT_OFF),
        (b"id,name\n", False, End.LINE_BREAK),
        (b'id,"name"', False, End.QUOTED_CELL),
    ],
)
def test_a_csv_file_proves_its_end(tmp_path: Path, content: bytes, complete: bool, end: End) -> None:
    """By the line break or quote at its end, by what the definition says, or not at all."""
    (tmp_path / "in.csv").write_bytes(content)
    source = file_source(FileEndpoint(file="in.csv", complete=complete), tmp_path)
    assert said(source.read(["id"])) == (2 if b"Amy" in content else 0, 0, end)


LDIF = b"version: 1\n\ndn: cn=a,o=x\ncn: a\n\ndn: cn=b,o=x\ncn: b"


@pytest.mark.parametrize(
    ("content", "complete", "end"),
    [
        (LDIF + b"\n", False, End.LINE_BREAK),
        (LDIF, True, End.DECLARED_WHOLE),
        (LDIF, False, End.CUT_OFF),
        (b"version: 1\n", False, End.LINE_BREAK),
    ],
)
def test_an_ldif_file_proves_its_end(tmp_path: Path, content: bytes, complete: bool, end: End) -> None:
    """By the line break at its end, by what the definition says, or not at all."""
    (tmp_path / "in.ldif").write_bytes(content)
    source = file_source(FileEndpoint(file="in.ldif", complete=complete), tmp_path)
    assert said(source.read(["cn"])) == (2 if b"cn=a" in content else 0, 0, end)


@pytest.mark.parametrize("rows", [999, 1000, 1001, 2000])
def test_where_a_batch_ends_makes_no_difference(tmp_path: Path, rows: int) -> None:
    """A file that may be cut off says so also where its last record fills a batch."""
    (tmp_path / "in.csv").write_bytes(b"id\n" + b"\n".join(b"%d" % n for n in range(rows)))
    (tmp_path / "in.ldif").write_bytes(b"\n\n".join(b"dn: cn=%d,o=x\ncn: %d" % (n, n) for n in range(rows)))
    for name, field in (("in.csv", "id"), ("in.ldif", "cn")):
        source = file_source(FileEndpoint(file=name), tmp_path)
        assert said(source.read([field])) == (rows, 0, End.CUT_OFF)


@pytest.mark.parametrize("name", ["out.csv", "out.ldif"])
def test_a_file_that_is_not_there_yet_is_known_to_be_empty(tmp_path: Path, name: str) -> None:
    """That is said in so many words; once it is there, it proves its end like a source."""
    made = file_destination(
        FileEndpoint(file=name), tmp_path, keys=("id",), fields=("id",), naming_attribute="id"
    )
    assert said(made.read(["id"])) == (0, 0, End.NO_FILE)
    (tmp_path / name).write_bytes(b"id\n" if name == "out.csv" else b"version: 1\n")
    assert said(made.read(["id"])) == (0, 0, End.LINE_BREAK)


def _saved(store: Store, evidence: PlanEvidence | None) -> int:
    run = store.runs.start(collection(), f"run {evidence}", trigger="manual", requester="", verified=False)
    return store.plans.save(
        store.runs.start_job(run.id, "people").id, replace(plan(creations(2)), evidence=evidence)
    )


def test_evidence_is_stored_beside_the_digest(store: Store) -> None:
    """Both sides' evidence comes back as it was saved, and the digest is the same with and without it."""
    evidence = PlanEvidence(evidence_of(), evidence_of(End.WHOLE_ANSWER, entries=0))
    number, without = _saved(store, evidence), _saved(store, None)
    assert store.plans.load(number).plan.evidence == evidence
    assert store.plan_pages.head(number).evidence == evidence
    assert store.plans.load(without).plan.evidence is None
    assert store.plans.load(number).plan.digest == store.plans.load(without).plan.digest


def _change_header(store_url: str, number: int, change: Any) -> None:
    database = Database(store_url)
    with database.write() as connection:
        header = connection.execute(select(PlanRow.header).where(PlanRow.id == number)).scalar_one()
        change(header)
        connection.execute(
            update(PlanRow).where(PlanRow.id == number).values(header=json.loads(json.dumps(header)))
        )
    database.close()


def test_altered_evidence_is_found(store: Store, store_url: str) -> None:
    """What approvers are shown is sealed with the plan."""
    number = _saved(store, PlanEvidence(evidence_of(), evidence_of()))
    _change_header(store_url, number, lambda header: header["evidence"]["source"].update(entries=4))
    with pytest.raises(PlanAltered):
        store.plans.load(number)


def test_plans_of_the_version_before_have_none(store: Store, store_url: str) -> None:
    """A head without evidence is one of the version before: it loads, and says that nothing was recorded."""
    number = _saved(store, None)
    database = Database(store_url)
    with database.write() as connection:
        # Sealed by that version, whose heads had no such key.
        header = connection.execute(select(PlanRow.header).where(PlanRow.id == number)).scalar_one()
        del header["evidence"]
        connection.execute(update(PlanRow).where(PlanRow.id == number).values(header=header, seal=None))
    database.close()
    assert store.plans.load(number).plan.evidence is None
    assert store.plan_pages.head(number).evidence is None
