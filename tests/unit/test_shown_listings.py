"""What approvers are told of the listings that a plan was made from."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO

import pytest

from directory_sync.cli.preview_formats import write_table
from directory_sync.endpoints.evidence import Asked, End, Ending, Evidence, witnessed
from directory_sync.plan.model import PlanEvidence
from directory_sync.present.listings import NOT_RECORDED, shown_listings
from directory_sync.present.report import write_report
from directory_sync.run.result import JobState
from tests.scenarios.evidence import evidence_of
from tests.scenarios.job_results import HOSTILE, collection, ended, previewed
from tests.scenarios.planning import destination_of, one_job, plan_of, source_of

BOTH = PlanEvidence(evidence_of(entries=1200), evidence_of(End.NO_FILE, entries=0))


@pytest.mark.parametrize("end", End)
def test_every_end_has_words_and_a_form_that_is_stored(end: End) -> None:
    """Each way to end is told, and comes back from the store as it went in."""
    evidence = PlanEvidence(evidence_of(end), evidence_of(End.WHOLE_ANSWER))
    shown = list(shown_listings(evidence))
    assert [each.side for each in shown] == ["source", "destination"]
    assert all(each.end and each.received and each.asked for each in shown)
    assert PlanEvidence.from_json(json.loads(json.dumps(evidence.to_json()))) == evidence


def test_a_plan_of_an_earlier_version_says_that_nothing_was_recorded() -> None:
    """Nobody takes silence for a proof."""
    assert [each.line for each in shown_listings(None)] == [NOT_RECORDED, NOT_RECORDED]


def test_a_preview_says_how_both_listings_ended() -> None:
    """One line for each side, with what was asked; as JSON the evidence itself."""
    result = replace(previewed(), evidence=BOTH)
    table, report = StringIO(), StringIO()
    write_table(table, collection("people"), [result])
    write_report(report, collection("people"), [result])
    lines = table.getvalue().splitlines()
    assert (
        "  source: 1,200 entries in 1 page; complete: the server sent its last page"
        " (connection ship: ou=people,dc=ship, subtree, filter (uid=*); 2026-11-30 06:00 UTC)"
    ) in lines
    assert any(
        line.startswith("  destination: 0 entries; empty: the file does not exist yet") for line in lines
    )
    assert PlanEvidence.from_json(json.loads(report.getvalue())["jobs"][0]["evidence"]) == BOTH


def test_a_job_without_a_plan_has_no_evidence() -> None:
    """What failed before both listings had ended says nothing of them."""
    table, report = StringIO(), StringIO()
    write_table(table, collection("people"), [ended(JobState.FAILED)])
    write_report(report, collection("people"), [ended(JobState.FAILED)])
    assert "source" not in table.getvalue()
    assert "evidence" not in json.loads(report.getvalue())["jobs"][0]


def test_what_was_asked_is_harmless_for_a_terminal() -> None:
    """A filter is text that somebody has written."""
    hostile = replace(evidence_of(), filter=HOSTILE)
    table = StringIO()
    write_table(table, collection("people"), [replace(previewed(), evidence=PlanEvidence(hostile, hostile))])
    assert "\x1b" not in table.getvalue()


def test_a_plan_holds_what_its_listings_said() -> None:
    """Entries are those that were received, on either side."""
    plan = plan_of(one_job(), source_of({"uid": "a"}, {"uid": "b"}), destination_of(a={"uid": "a"}))
    assert plan.evidence is not None
    assert (plan.evidence.source.entries, plan.evidence.destination.entries) == (2, 1)
    assert plan.evidence.source.connection == "source"


def test_a_listing_that_breaks_off_leaves_no_evidence() -> None:
    """Evidence is what a listing returns, so that one which raises or is left has none."""

    def broken() -> object:
        yield [1]
        raise OSError

    listing: Ending[list[int], Evidence] = Ending(witnessed(broken(), Asked("dc=x")))  # type: ignore[arg-type]
    with pytest.raises(OSError):
        list(listing)
    with pytest.raises(IndexError):
        listing.said  # noqa: B018 - asking is what fails
