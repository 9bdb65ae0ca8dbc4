"""The lists of requests."""

from __future__ import annotations

import re

import pytest

from directory_sync.approval.request import EventKind
from tests.portal.pages_client import Looker, text_of
from tests.scenarios.portal_pages import ADA, BEA, IDA, NOBODY

_LINK = re.compile(r'class="title" href="/dirsync/requests/(\d+)"')


def _listed(page: str) -> list[int]:
    return [int(number) for number in _LINK.findall(page)]


def test_the_start_page_is_the_dashboard(looker: Looker) -> None:
    """Who opens the portal comes to what waits for them, and to what runs."""
    assert looker.client.get("/dirsync/", follow_redirects=False).headers["location"] == "/dirsync/dashboard"


def test_the_inbox_shows_what_waits_newest_first(looker: Looker) -> None:
    """Pending requests that ask the user, by name or role, and how many they are."""
    page = looker.get("/requests?list=inbox")
    listed = _listed(page)
    assert listed == sorted(listed, reverse=True)
    assert looker.made["pending"] in listed
    assert looker.made["denied"] not in listed
    assert (
        f'class="count some" data-live data-quiet hx-get="/dirsync/requests/count" hx-trigger="every 60s"'
        f' hx-swap="outerHTML">{len(listed)}<' in page
    )


def test_the_count_is_a_part_by_itself(looker: Looker) -> None:
    """The badge keeps itself up to date without loading a page."""
    part = looker.get("/requests/count", part=True)
    assert part.startswith('<span id="inbox-count"')
    assert "7 waiting for you" in text_of(part)


def test_own_requests_are_in_a_list_of_their_own(looker: Looker) -> None:
    """Whoever started a run finds its requests, in whatever state."""
    looker.become(IDA)
    listed = _listed(looker.get("/requests?list=mine"))
    assert {looker.made["applied"], looker.made["stale"], looker.made["pending"]} <= set(listed)
    assert looker.made["denied"] not in listed  # the schedule's


def test_all_requests_are_for_administrators(looker: Looker) -> None:
    """Others are told so, and are not offered the list."""
    assert "administrator" in looker.get("/requests?list=all", status=403)
    assert "list=all" not in looker.get("/requests?list=mine")
    looker.become(ADA)
    assert len(_listed(looker.get("/requests?list=all"))) == looker.store.requests.count()


def test_hidden_collections_are_in_no_list(looker: Looker) -> None:
    """What Airflow does not let somebody see is neither listed, counted nor offered as a filter."""
    looker.become(ADA, hidden=frozenset(["payroll"]))
    page = looker.get("/requests?list=all")
    assert looker.made["two"] not in _listed(page)
    assert "payroll" not in page


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("state=denied", ["denied"]),
        ("state=denied&state=stale", ["denied", "stale"]),
        ("requester=ida&state=pending", ["pending", "waiver", "two"]),
        ("collection=hr_feed", ["denied"]),
        ("job=nothing", []),
        ("object=morbo&state=applied", ["applied"]),
        ("description=please", ["pending"]),
        ("decided_by=bea", ["denied", "applied"]),
        ("event=commented", ["denied", "pending"]),
        ("approver=carl&state=cancelled", ["cancelled"]),
        ("from=2999-01-01", []),
        ("until=2000-01-01", []),
    ],
)
def test_filters_show_what_they_let_through(looker: Looker, query: str, names: list[str]) -> None:
    """Each filter is a parameter of the address; several hold together."""
    looker.become(ADA)
    page = looker.get(f"/requests?list=all&{query}")
    assert sorted(_listed(page)) == sorted(looker.made[name] for name in names)
    assert page.count('class="chip"') == query.count("=")
    if not names:
        assert "No request matches these filters" in page


def test_a_chip_takes_one_filter_away(looker: Looker) -> None:
    """Its link is the list with all other filters; one link clears all of them."""
    looker.become(ADA)
    page = looker.get("/requests?list=all&state=denied&state=stale&requester=ida&before=50")
    chips = re.findall(r'class="chip" href="/dirsync/requests\?([^"]*)"', page)
    assert chips == [
        "list=all&amp;state=stale&amp;requester=ida",
        "list=all&amp;state=denied&amp;requester=ida",
        "list=all&amp;state=denied&amp;state=stale",
    ]
    assert '<a href="/dirsync/requests?list=all">Clear all filters</a>' in page


def test_fields_keep_what_was_asked_for(looker: Looker) -> None:
    """A shared address shows the filters in their fields; those that are folded away are unfolded when one of
    them is on.
    """
    page = looker.get("/requests?list=inbox&object=%22%3E%3Cb%3E&event=viewed")
    assert 'value="&#34;&gt;&lt;b&gt;"' in page
    assert "<details open>" in page
    assert '<option value="viewed" selected>' in page
    assert "<details>" in looker.get("/requests?list=inbox&object=x")


def test_every_event_can_be_filtered_by(looker: Looker) -> None:
    """The choice has them all."""
    page = looker.get("/requests?list=inbox")
    assert all(f'<option value="{kind.value}"' in page for kind in EventKind)


def test_a_wrong_filter_is_explained(looker: Looker) -> None:
    """The page says what is wrong with it, leaves it out, and keeps the others."""
    looker.become(ADA)
    page = looker.get("/requests?list=all&state=pendign&requester=ida&from=yesterday", status=422)
    assert "Did you mean pending?" in page
    assert "Write 2026-01-31" in page
    assert "requester=ida" in page
    assert looker.made["stale"] in _listed(page)


def test_pages_follow_each_other(looker: Looker) -> None:
    """Next pages keep filters and size; together they are the whole list, and there is a way back to the
    newest.
    """
    looker.become(ADA)
    everything = _listed(looker.get("/requests?list=all"))
    address, found = "list=all&limit=3", []
    while address:
        page = looker.get(f"/requests?{address}")
        found += _listed(page)
        following = re.search(r'href="/dirsync/requests\?([^"]*)" rel="next"', page)
        address = following[1].replace("&amp;", "&") if following else ""
    assert found == everything
    assert 'rel="prev"' in page


def test_polling_fetches_the_rows_alone(looker: Looker) -> None:
    """The part has the same address as the page, no frame around it, and goes on polling."""
    part = looker.get("/requests?list=inbox&object=morbo", part=True)
    assert part.lstrip().startswith(
        '<div id="list" data-live hx-get="/dirsync/requests?list=inbox&amp;object=morbo" hx-trigger="every'
    )
    assert "<html" not in part


def test_going_back_gets_the_whole_page(looker: Looker) -> None:
    """Where htmx restores its history, a part would be a page without a frame."""
    headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert "<html" in looker.client.get("/dirsync/requests", headers=headers).text


@pytest.mark.parametrize(
    ("person", "kind", "text"),
    [(NOBODY, "inbox", "Nothing waits for you"), (BEA, "mine", "You have not asked for anything yet")],
)
def test_an_empty_list_says_what_to_do(looker: Looker, person: object, kind: str, text: str) -> None:
    """Instead of an empty table there is an explanation."""
    looker.become(person)  # type: ignore[arg-type]
    page = looker.get(f"/requests?list={kind}")
    assert text in page
    assert "<table" not in page


def test_there_may_be_nothing_at_all(empty_looker: Looker) -> None:
    """Before the first request, administrators read where requests come from."""
    empty_looker.become(ADA)
    assert "There are no requests yet" in empty_looker.get("/requests?list=all")


def test_a_row_tells_the_worst_first(looker: Looker) -> None:
    """Each row says in words what the request changes, and has a bar for it."""
    page = looker.get("/requests?list=inbox&collection=staff_to_branch")
    assert "3 deletions, 1 disable, 1 move, 15 updates, 1 creation" in page
    assert re.search(r'<rect class="delete" x="0.0" y="0" width="[\d.]+"', page)


def test_only_what_waits_for_me_can_be_ticked(looker: Looker) -> None:
    """The inbox has boxes; lists with what others decide, or what is decided, have none, nor has somebody
    unknown to Airflow.
    """
    assert looker.get("/requests?list=inbox").count('name="selected"') == 7
    assert 'name="selected"' not in looker.get("/requests?list=mine")
    looker.become(ADA)
    assert 'name="selected"' not in looker.get("/requests?list=all")
    looker.become(NOBODY)
    assert 'name="selected"' not in looker.get("/requests?list=inbox")


@pytest.mark.parametrize("said", ["approved", "denied", "waiver"])
def test_a_list_says_nothing_of_actions_on_one_request(looker: Looker, said: str) -> None:
    """A message that belongs to another page is not shown, so that no link can make one up."""
    assert 'id="message"' not in looker.get(f"/requests?list=inbox&said={said}")
