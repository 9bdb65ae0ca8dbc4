"""What a request's page, the REST API and the terminal tell of those who saved what it asks for."""

from __future__ import annotations

from datetime import UTC, datetime

from directory_sync.approval.people import Approver
from directory_sync.approval.request import Edit, SavedDefinition
from directory_sync.cli.requests_text import detail_lines
from directory_sync.portal.wire.requests import RequestDetailsAnswer
from directory_sync.store.policy_changes import end_undecided
from tests.portal.pages_client import Looker, text_of
from tests.scenarios.portal_pages import ADA, BEA, HOSTILE, POLICY, changes

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
RAISED = {"code": "limit_raised", "job": "people", "key": "limits.delete", "old": 5, "new": 50}
REMOVED = {"code": "policy_removed", "job": HOSTILE, "weakens": True}
SAVED = SavedDefinition(
    7,
    (
        Edit(7, HOSTILE, NOON, changes_job=False, weakening=(REMOVED,)),
        Edit(5, "Bea", NOON, changes_job=True, weakening=({**RAISED, "weakens": True},)),
        Edit(3, "bea", NOON, changes_job=True),
    ),
)


def asked(looker: Looker, saved: SavedDefinition = SAVED) -> int:
    looker.store.filing.mark_stale("staff_to_branch", "people", reason="It would be in the way.")
    known = looker.store.runs.find("staff_to_branch", "manual__2026-11-21")
    assert known is not None
    run = looker.store.runs.start(
        known.collection, "scheduled__1", trigger="scheduled", requester="", verified=True
    )
    return looker.store.filing.file(
        looker.pages.plan(run, changes(updates=1)),
        policy=POLICY.model_dump(mode="json", exclude_none=True),
        approvers=[Approver("user", "bea"), Approver("role", "Admin")],
        saved=saved,
    ).id


def test_the_page_says_what_protects_less_and_who_may_not_decide(looker: Looker) -> None:
    """In plain sight, above the changes, with version and person; nothing in it is markup."""
    number = asked(looker)
    page = looker.get(f"/requests/{number}")
    text = text_of(page)
    assert "The collection protects less since it was last approved" in text
    assert "limit on deletions raised: 5 → 50 (version 5, Bea" in text
    assert "approval policy removed (version 7" in text
    assert page.index("protects less") < page.index('id="changes"')
    assert "You saved versions 3 and 5 of this collection" in text
    assert "do=approve" not in page
    assert "do=cancel" in page
    assert "7 of the collection" in text
    assert f'/requests/{number}"' not in looker.get("/requests?list=inbox")
    looker.become(ADA)
    assert "You saved" not in text_of(looker.get(f"/requests/{number}"))


def test_the_api_and_the_terminal_tell_the_same(looker: Looker) -> None:
    """As facts, with the changes in words."""
    number = asked(looker)
    answer = looker.client.get(f"/dirsync/api/v1/requests/{number}").json()
    saved = answer["request"]["saved"]
    assert saved["version"] == 7
    assert [(each["version"], each["by"], each["changes_job"]) for each in saved["edits"]] == [
        (7, HOSTILE, False), (5, "Bea", True), (3, "bea", True)
    ]  # fmt: skip
    assert saved["edits"][1]["weakening"] == ["people: limit on deletions raised: 5 → 50"]
    assert answer["powers"]["decide"].startswith("You saved versions 3 and 5")
    lines = "\n".join(detail_lines(RequestDetailsAnswer.model_validate(answer)))
    assert "version: 7 of the saved collection" in lines
    assert "saved by: bea (version 3," in lines
    assert "PROTECTS LESS: people: limit on deletions raised: 5 → 50 (version 5, Bea)" in lines
    assert "you: cannot decide: You saved versions 3 and 5" in lines
    digest = answer["request"]["digest"]
    decided = looker.client.post(
        f"/dirsync/api/v1/requests/{number}/approve",
        json={"digest": digest},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert decided.status_code in (403, 404), decided.text
    assert looker.store.requests.get(number).request.pending


def test_a_request_whose_policy_was_changed_says_what_to_do(looker: Looker) -> None:
    """It has no successor; its page offers to plan again."""
    number = asked(looker, SavedDefinition(7))
    looker.become(BEA)
    with looker.store._database.write() as connection:
        end_undecided(
            connection, "staff_to_branch", {"people"}, version=8, text="Version 8.", at=looker.store.now()
        )
    page = looker.get(f"/requests/{number}")
    text = text_of(page)
    assert "Version 8 of the collection has another approval policy for this job." in text
    assert "Plan again, so that it is asked for under the new policy." in text
    assert "Version 8 has another approval policy, so the request became stale" in text
    assert "Plan again…" in text
    assert "do=approve" not in page
