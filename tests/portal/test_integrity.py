"""A plan that somebody has altered in the store is shown as such wherever it is shown, and nobody can decide
about it.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from directory_sync.approval.request import Request
from directory_sync.endpoints.change import Action, Change
from directory_sync.portal import airflow_runs, integrity
from directory_sync.portal.codes import Integrity
from directory_sync.portal.integrity import AT_ONCE, PlanChecks
from directory_sync.store.plans import Plans
from directory_sync.store.store import Store
from tests.portal.pages_client import Looker, text_of
from tests.scenarios.portal_pages import BEA
from tests.scenarios.tampering import alter_change, alter_figures, alter_names, alter_request

RUN = {"dag_id": "staff_to_branch", "run_id": "manual__2026-11-21"}
ALTERED = "This plan was altered in the store."


@pytest.fixture(autouse=True)
def no_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow's audit log is not there."""
    monkeypatch.setattr(airflow_runs, "write_audit_log", lambda *args, **given: None)


@pytest.fixture
def altered(looker: Looker) -> Request:
    """The pending request, of which one deletion is now another person's."""
    request = looker.store.requests.get(looker.made["pending"]).request
    alter_change(looker.store, request.plan_id, "morbo", "linda")
    return request


@pytest.fixture
def large(looker: Looker) -> int:
    """A request of so many changes that reading all of them does not go with making a page."""
    many = [Change(Action.DELETE, f"old{n}", f"cn=old{n},dc=x") for n in range(AT_ONCE + 1)]
    run = looker.pages.run("manual__large", name="large")
    return looker.pages.request(run, looker.pages.plan(run, many))


def test_a_page_of_an_altered_plan_says_so_and_offers_no_decision(looker: Looker, altered: Request) -> None:
    """In plain sight, with what to do; approve and deny are disabled, cancelling is not."""
    page = looker.get(f"/requests/{altered.id}")
    text = text_of(page)
    assert ALTERED in text
    assert "Find out who changed it, and run the job again." in text
    assert page.index(ALTERED) < page.index('id="changes-title"')
    for action in ("Approve…", "Deny…"):
        assert re.search(rf"<button[^>]*disabled[^>]*>{action}", page)
    for action in ("approve", "deny"):
        question = looker.get(f"/requests/{altered.id}/ask?do={action}", part=True)
        assert "is not the one that was saved" in question
        assert 'type="submit"' not in question


@pytest.mark.parametrize("action", ["approve", "deny"])
def test_a_forced_decision_is_refused(looker: Looker, altered: Request, action: str) -> None:
    """A form that was open before: nothing is recorded, and the page says why and what to do."""
    page = looker.post(
        f"/requests/{altered.id}/{action}", {"digest": altered.digest, "reason": "because"}, status=409
    )
    assert "The plan was altered in the store" in page
    assert "Find out who changed it" in page
    assert looker.store.requests.get(altered.id).request.pending
    assert looker.store.requests.get(altered.id).decisions == ()


def test_a_selection_leaves_an_altered_plan_out(looker: Looker, altered: Request) -> None:
    """The others can be decided; forced, the altered one is refused."""
    other = looker.made["branch_0"]
    selected = [f"{number}:{looker.pages.digest(number)}" for number in (altered.id, other)]
    query = urlencode([("do", "approve"), *(("selected", each) for each in selected)])
    question = looker.get(f"/requests/ask?{query}", part=True)
    assert "is not the one that was saved" in question
    assert f'value="{altered.id}:' not in question
    assert f'value="{other}:' in question
    looker.post("/requests/decide", {"do": "approve", "selected": selected})
    assert looker.store.requests.get(altered.id).request.pending
    assert looker.store.requests.get(other).request.state == "approved"


@pytest.mark.parametrize(
    "path",
    [
        "/requests/{id}/changes",
        "/requests/{id}/changes/13",
        "/requests/{id}/comparison?with={stale}",
        "/requests/{stale}/comparison?with={id}",
        "/plans/{plan}/changes/13",
        f"/embed/ti?{urlencode({**RUN, 'task_id': 'people'})}",
    ],
)
def test_every_page_with_changes_of_an_altered_plan_says_so(
    looker: Looker, altered: Request, path: str
) -> None:
    """Also a part that is fetched when the filter changes, a comparison, one change alone, and the tab of a
    task.
    """
    names = {"id": altered.id, "plan": altered.plan_id, "stale": looker.made["stale"]}
    part = path.endswith("/changes")
    assert ALTERED in looker.get(path.format(**names), part=part)


def test_an_intact_plan_has_no_such_note(looker: Looker) -> None:
    """Nor does its page say anything about a check."""
    page = looker.get(f"/requests/{looker.made['pending']}")
    assert "altered" not in page
    assert "being checked" not in page


def _api(looker: Looker, path: str, *, status: int = 200, **body: Any) -> Mapping[str, Any]:
    headers = {"Sec-Fetch-Site": "same-origin"}
    url = f"/dirsync/api/v1{path}"
    answer = (
        looker.client.post(url, json=body, headers=headers)
        if body
        else looker.client.get(url, headers=headers)
    )
    assert answer.status_code == status, answer.text
    found: Mapping[str, Any] = answer.json()
    return found


def test_the_rest_api_says_it_too(looker: Looker, altered: Request) -> None:
    """Request, changes and comparison name it; a decision is refused; a file, which has no place for it, is
    not given.
    """
    details = _api(looker, f"/requests/{altered.id}")
    assert details["integrity"] == "altered"
    assert "is not the one that was saved" in details["integrity_message"]
    assert details["powers"]["decide"] == details["integrity_message"]
    for path in (
        f"/requests/{altered.id}/changes",
        f"/plans/{altered.plan_id}/changes",
        f"/requests/{altered.id}/comparison",
    ):
        assert _api(looker, path)["integrity"] == "altered", path
    for path in (f"/requests/{altered.id}/changes.csv", f"/plans/{altered.plan_id}/changes.ldif"):
        assert _api(looker, path, status=409)["error"] == "PlanAltered", path
    for action, reason in (("approve", ""), ("deny", "no")):
        refused = _api(
            looker, f"/requests/{altered.id}/{action}", status=409, digest=altered.digest, reason=reason
        )
        assert refused["error"] == "PlanAltered"
    assert looker.store.requests.get(altered.id).request.pending
    intact = _api(looker, f"/requests/{looker.made['two']}")
    assert (intact["integrity"], intact["integrity_message"], intact["powers"]["decide"]) == (
        "intact",
        "",
        "",
    )


def test_altered_figures_are_an_altered_plan(looker: Looker) -> None:
    """The numbers on the button are what most people read."""
    number = looker.made["pending"]
    alter_figures(looker.store, number, deleted=0)
    assert ALTERED in looker.get(f"/requests/{number}")


def _eventually(looker: Looker, number: int, state: Integrity) -> str:
    deadline = time.monotonic() + 20
    while True:
        page = looker.get(f"/requests/{number}")
        if _api(looker, f"/requests/{number}")["integrity"] == state:
            return page
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Reading a plan in full takes until the event is set."""
    event = threading.Event()
    verify = Plans.verify

    def slow(self: Store, plan_id: int, **given: Any) -> None:
        assert event.wait(20)
        verify(self, plan_id, **given)

    monkeypatch.setattr(Plans, "verify", slow)
    yield event
    event.set()


def test_an_altered_request_says_so(looker: Looker) -> None:
    """Another policy, another requester, another person's name at a change: the page says it, and offers no
    decision.
    """
    request = looker.store.requests.get(looker.made["pending"]).request
    alter_request(looker.store, request.id, reason="As agreed with all of us.")
    page = looker.get(f"/requests/{request.id}")
    assert "is not the one that was filed" in page
    assert re.search(r"<button[^>]*disabled[^>]*>Approve…", page)
    alter_request(looker.store, request.id, reason=request.reason)
    assert "is not the one that was filed" not in looker.get(f"/requests/{request.id}")
    alter_names(looker.store, request.plan_id, "Somebody Else")
    assert ALTERED in text_of(looker.get(f"/requests/{request.id}"))


def test_a_large_plan_is_checked_in_the_background(looker: Looker, large: int, held: threading.Event) -> None:
    """Until the result is there the page says so and offers *Deny*, not *Approve*; then it offers both."""
    page = looker.get(f"/requests/{large}")
    assert "is being checked" in page
    assert "Load this page again" in page
    assert re.search(r"<button[^>]*disabled[^>]*>Approve…", page)
    assert not re.search(r"<button[^>]*disabled[^>]*>Deny…", page)
    assert "try again in a moment" in looker.get(f"/requests/{large}/ask?do=approve", part=True)
    answer = _api(looker, f"/requests/{large}")
    assert (answer["integrity"], answer["powers"]["decide"]) == ("checking", "")
    held.set()
    _eventually(looker, large, Integrity.INTACT)
    page = looker.get(f"/requests/{large}")
    assert "is being checked" not in page
    assert not re.search(r"<button[^>]*disabled[^>]*>Approve…", page)


def test_a_large_plan_that_was_altered_is_found(looker: Looker, large: int) -> None:
    """In the background as well; who does not wait for it is refused by the decision itself, which reads all
    of it.
    """
    request = looker.store.requests.get(large).request
    alter_change(looker.store, request.plan_id, '"old4242"', '"somebody"')
    refused = _api(looker, f"/requests/{large}/approve", status=409, digest=request.digest)
    assert refused["error"] == "PlanAltered"
    _eventually(looker, large, Integrity.ALTERED)
    assert ALTERED in looker.get(f"/requests/{large}")


def test_what_was_found_of_a_large_plan_is_looked_up_again_some_time(looker: Looker, large: int) -> None:
    """A plan that is altered after it was checked is found when it is shown later."""
    now = [0.0]
    checks = PlanChecks(clock=lambda: now[0])
    request = looker.store.requests.get(large).request

    def look() -> Integrity:
        about = {"digest": request.digest, "statistics": request.statistics, "changes": request.changes}
        return checks.look(looker.store, request.plan_id, **about).state

    def settled() -> Integrity:
        deadline = time.monotonic() + 20
        while (state := look()) is Integrity.CHECKING:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return state

    assert look() is Integrity.CHECKING
    assert settled() is Integrity.INTACT
    alter_change(looker.store, request.plan_id, '"old4242"', '"somebody"')
    now[0] = integrity.KEPT_SECONDS - 1
    assert look() is Integrity.INTACT
    now[0] = integrity.KEPT_SECONDS + 1
    assert look() is Integrity.CHECKING
    assert settled() is Integrity.ALTERED


def test_a_store_that_fails_in_the_background_is_asked_again(
    looker: Looker, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is known then; neither does the plan count as altered."""
    from directory_sync.errors import StoreError

    with monkeypatch.context() as patched:

        def fail(self: Store, plan_id: int, **given: Any) -> None:
            raise StoreError("The store does not answer. Try again later.")

        patched.setattr(Plans, "verify", fail)
        for _ in range(3):
            assert "is being checked" in looker.get(f"/requests/{large}")
            time.sleep(0.1)
    _eventually(looker, large, Integrity.INTACT)
    looker.become(BEA)
