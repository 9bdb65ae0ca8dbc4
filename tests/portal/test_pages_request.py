"""The page of one request."""

from __future__ import annotations

import re

import pytest

from directory_sync.approval.people import Approver
from directory_sync.endpoints.change import WORST_FIRST, Change
from directory_sync.portal.run_in_airflow import RunInAirflow
from directory_sync.present.listings import NOT_RECORDED
from directory_sync.requests import decisions
from directory_sync.store.run_identity import RunIdentity
from tests.portal.pages_client import Looker, text_of
from tests.scenarios.portal_pages import ADA, BEA, HOSTILE, IDA, LONG, NOBODY, POLICY, changes
from tests.scenarios.requests import decide

STATES = ["pending", "applied", "stale", "denied", "cancelled", "waiver", "two"]


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_a_page(looker: Looker, state: str) -> None:
    """Whatever became of a request, its page says so, with its numbers."""
    page = looker.get(f"/requests/{looker.made[state]}")
    assert f"Request {looker.made[state]}" in page
    assert '<section class="banner' in page


def test_the_worst_consequence_comes_first(looker: Looker) -> None:
    """State with the numbers by kind, deletions first, and who has to agree; then the changes by pattern,
    which a wide page has next to warnings, limits and the rest.
    """
    page = looker.get(f"/requests/{looker.made['pending']}")
    order = [
        "Waiting for approval",
        ">3 deletions</a>, ",
        ">1 disable</a>, ",
        'id="action-approve"',
        "Still has to agree",
        'id="changes"',
        "Changes by pattern",
        'id="warnings-title"',
        'id="limits-title"',
        'id="asked-title"',
        'id="facts-title"',
        'id="history-title"',
    ]
    places = [page.index(text) for text in order]
    assert places == sorted(places)


def test_changes_come_worst_first_or_as_they_are_carried_out(looker: Looker) -> None:
    """People see deletions at the top; whoever wants the plan's order chooses it, and keeps it from page to
    page.
    """
    number = looker.made["pending"]

    def kinds(page: str) -> list[str]:
        return re.findall(r'<li class="change (\w+)', page)

    worst, plan = (looker.get(f"/requests/{number}{query}") for query in ("", "?order=plan"))
    assert "those with the worst consequences first" in worst
    assert "in the order in which they will be applied" in plan
    assert sorted(kinds(worst)) == sorted(kinds(plan))
    ranks = [each.value for each in WORST_FIRST]
    assert kinds(worst) == sorted(kinds(plan), key=ranks.index) != kinds(plan)
    assert kinds(worst)[:4] == ["delete", "delete", "delete", "disable"]
    for order, carried in (("consequence", False), ("plan", True)):
        page = looker.get(f"/requests/{looker.made['waiver']}?order={order}")
        assert f'<option value="{order}" selected>' in page
        more = re.search(r'hx-get="([^"]*more=1)"', page)
        assert more is not None
        assert ("order=plan" in more[1]) == carried


def test_how_complete_both_listings_were(looker: Looker) -> None:
    """Who decides sees what was received, how the end was proven and what was asked; of a plan of an earlier
    version, that nothing was recorded. The API tells the same as data.
    """
    page = text_of(looker.get(f"/requests/{looker.made['pending']}"))
    for side, entries in (("Source", 480), ("Destination", 470)):
        said = rf"{side} listing\s*{entries} entries in 1 page; complete: the server sent its last page\."
        assert re.search(said, page)
    assert "connection ship: ou=people,dc=ship, subtree, filter (uid=*)" in page
    told = looker.client.get(f"/dirsync/api/v1/requests/{looker.made['pending']}").json()["evidence"]
    assert (told["source"]["entries"], told["destination"]["end"]) == (480, "last_page")

    older = looker.made["applied"]
    page = text_of(looker.get(f"/requests/{older}"))
    assert re.search(rf"Source listing\s*{NOT_RECORDED}\.", page)
    assert looker.client.get(f"/dirsync/api/v1/requests/{older}").json()["evidence"] is None


def test_who_has_to_agree_and_until_when(looker: Looker) -> None:
    """The banner names who is missing, when others are asked, and when it expires."""
    page = text_of(looker.get(f"/requests/{looker.made['two']}"))
    assert "Still has to agree: 2 of: bea, carl." in page
    # A little less than the 8 hours once other tests have used the same requests for a while.
    assert re.search(r"the next approvers are asked too in (8 hours|7 hours \d+ minutes)", page)
    assert "It expires in 3 days; then nothing is written." in page


def test_waived_limits_are_loud(looker: Looker) -> None:
    """A request that goes past a limit says so in a section of its own, and in the question before it is
    approved.
    """
    number = looker.made["waiver"]
    page = looker.get(f"/requests/{number}")
    assert '<section class="alert bad"' in page
    assert "Approving this waives 1 limit, once" in page
    assert "140 planned, 23 allowed" in page
    assert "Past a limit:" in looker.get(f"/requests/{number}/ask?do=approve")


def test_a_number_nobody_checked_is_marked(looker: Looker) -> None:
    """The name of a requester whom nobody has verified is marked as such."""
    looker.store.filing.mark_stale("staff_to_branch", "people", reason="It would be in the way.")
    run = looker.store.runs.start(
        looker.store.runs.find("staff_to_branch", "manual__2026-11-21").collection,  # type: ignore[union-attr]
        "terminal__1",
        trigger="terminal",
        requester="root",
        verified=False,
    )
    number = looker.pages.request(run, looker.pages.plan(run, changes(updates=1)))
    assert "root not verified" in text_of(looker.get(f"/requests/{number}"))


@pytest.mark.parametrize(
    ("trigger", "waiver", "next_step"),
    [
        ("manual", False, "Its run applies exactly these changes now"),
        (
            "terminal",
            False,
            "directory-sync run FILE --approved {number}, in a terminal, applies exactly these changes",
        ),
        (
            "manual",
            True,
            "Nothing is written yet. The next run of the job that makes exactly this plan applies it, by ",
        ),
    ],
    ids=["airflow", "terminal", "waiver"],
)
def test_an_approved_request_says_who_carries_it_out(
    looker: Looker, trigger: str, waiver: bool, next_step: str
) -> None:
    """Its run in Airflow does by itself; from a terminal somebody has to come back, and a waiver needs
    another run.
    """
    known = looker.store.runs.find("staff_to_branch", "manual__2026-11-21")
    assert known is not None
    looker.store.filing.mark_stale("staff_to_branch", "people", reason="It would be in the way.")
    run = looker.store.runs.start(
        known.collection, "approved__1", trigger=trigger, requester="ida", verified=True
    )
    number = looker.store.filing.file(
        looker.pages.plan(run, changes(updates=1)),
        policy=POLICY.model_dump(mode="json", exclude_none=True),
        approvers=[Approver("user", "bea")],
        waiver=waiver,
    ).id
    decide(looker.store, number)
    assert next_step.format(number=number) in text_of(looker.get(f"/requests/{number}"))


def test_buttons_that_may_not_be_used_say_why(looker: Looker) -> None:
    """They are there, disabled, and the reason stands below them."""
    number = looker.made["pending"]
    page = looker.get(f"/requests/{number}")
    assert page.count("ask?do=approve") == 2  # the link with and without JavaScript
    assert re.search(r'<button[^>]*disabled aria-describedby="why-not-0">Cancel request…</button>', page)
    looker.become(IDA)
    page = looker.get(f"/requests/{number}")
    assert "do=approve" not in page
    assert "do=cancel" in page
    assert "You asked for these changes, so someone else has to decide" in page
    looker.become(NOBODY)
    assert "Log in to comment" in looker.get(f"/requests/{number}")


def test_a_stale_request_leads_to_its_successor(looker: Looker) -> None:
    """The old one names the new one and the comparison; the new one says what it replaces; both may be
    planned again or not.
    """
    stale, pending = looker.made["stale"], looker.made["pending"]
    page = looker.get(f"/requests/{stale}")
    assert f'href="/dirsync/requests/{pending}"' in page
    assert f"/requests/{pending}/comparison?with={stale}" in page
    assert "do=replan" in page
    page = looker.get(f"/requests/{pending}")
    assert f"This replaces request {stale}" in page
    assert "do=replan" not in page


def test_planning_again_follows_airflow(looker: Looker) -> None:
    """Who may not start runs in Airflow sees a disabled button and why."""
    looker.become(BEA, start=False)
    page = looker.get(f"/requests/{looker.made['denied']}")
    assert re.search(r"disabled[^>]*>Plan again…", page)
    assert "Airflow does not let you start runs" in page


def test_the_results_of_changes_are_shown(looker: Looker) -> None:
    """Once carried out, each change has its result, with the reason where it was not made; they can be
    filtered by it.
    """
    number = looker.made["applied"]
    page = looker.get(f"/requests/{number}")
    assert "Applied: 2 updated, 1 conflicts, 1 errors." in text_of(page)
    assert "Conflict: not made" in page
    assert "The server refuses the value of cn" in page
    assert page.count('class="change ') == 11
    assert looker.get(f"/requests/{number}?result=conflict").count('class="change ') == 1
    assert "do=replan" in page


def test_history_is_told_in_words(looker: Looker) -> None:
    """Who did what, in which order; comments and reasons with their line breaks."""
    page = looker.get(f"/requests/{looker.made['denied']}")
    text = text_of(page[page.index('id="history"') :])
    parts = [
        "The schedule’s run asked for approval",
        "ada wrote",
        "140 deletions look wrong",
        "bea denied",
        "The HR export was cut off.",
    ]
    assert [text.index(part) for part in parts] == sorted(text.index(part) for part in parts)
    assert "cut off.</bdi><br><bdi>Run it again" in page


def test_that_an_approver_looked_is_history(looker: Looker) -> None:
    """Opening the page as an approver is noted once."""
    number = looker.made["pending"]
    looker.get(f"/requests/{number}")
    assert text_of(looker.get(f"/requests/{number}")).count("bea looked at the request") == 1


def test_changes_come_a_hundred_at_a_time(looker: Looker) -> None:
    """Below them is what fetches the rest: a link that works without JavaScript too."""
    number = looker.made["waiver"]
    page = looker.get(f"/requests/{number}")
    assert page.count('class="change ') == 100
    assert "(40 left)" in page
    more = re.search(r'hx-get="([^"]*more=1)"', page)
    assert more is not None
    part = looker.get(more[1].replace("&amp;", "&").removeprefix("/dirsync"), part=True)
    assert part.count('class="change ') == 40
    assert "<html" not in part
    assert "Show more" not in part
    assert looker.get(f"/requests/{number}?after=99").count('class="change ') == 40


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("search=hermes", ["hermes"]),
        ("action=delete", ["zapp", "nixon", "morbo"]),
        ("action=delete&search=morbo", ["morbo"]),
        ("search=secret-pin-4711", []),
        ("search=%3Cscript%3E", [HOSTILE[:10]]),
    ],
)
def test_changes_are_found_by_text_and_kind(looker: Looker, query: str, keys: list[str]) -> None:
    """The server searches; secret values are not found; nothing found is said, with a way back."""
    page = looker.get(f"/requests/{looker.made['pending']}?{query}")
    assert page.count('<li class="change ') == len(keys)
    assert all(key in text_of(page) for key in keys)
    assert ("No change matches" in page) == (not keys)
    part = looker.get(f"/requests/{looker.made['pending']}/changes?{query}", part=True)
    assert part.count('<li class="change ') == len(keys)


def test_a_change_shows_old_and_new_with_the_difference(looker: Looker) -> None:
    """Only the differing words are marked; lists name what goes and comes, and how much stays; the log line
    is there.
    """
    page = looker.get(f"/requests/{looker.made['pending']}?search=person001")
    assert "Person 1 from <del>Sales</del> Department" in page
    assert "Person 1 from <ins>Marketing</ins> Department" in page
    assert "Would update cn=person001" in page
    page = looker.get(f"/requests/{looker.made['pending']}?search=hermes")
    assert "2 values stay" in text_of(page)
    assert "<ins>hermes.</ins>conrad@head.example" in page


def test_what_is_no_text_is_told_by_its_size(looker: Looker) -> None:
    """Binary values by length and hash, secrets not at all."""
    page = looker.get(f"/requests/{looker.made['pending']}?search=hermes")
    assert "binary, 20,003 bytes" in page
    assert "secret, not shown" in page
    assert "4711" not in page
    assert "1234" not in re.sub(r"person\d+|[0-9a-f]{12,}", "", page)


def test_hostile_values_are_shown_and_not_obeyed(looker: Looker) -> None:
    """Markup is text, control and bidirectional characters are spelled out with their names; Hebrew stays
    Hebrew.
    """
    page = looker.get(f"/requests/{looker.made['pending']}")
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert 'title="U+202E RIGHT-TO-LEFT OVERRIDE">\\u202e</span>' in page
    assert "&lt;b&gt;please&lt;/b&gt;" in page
    assert "שלום" in page


def test_a_value_of_a_megabyte_does_not_make_a_megabyte_of_page(looker: Looker) -> None:
    """Its beginning, or where it first differs, is shown, and how much more there is; a page of its own shows
    much more.
    """
    number = looker.made["pending"]
    page = looker.get(f"/requests/{number}?search=Mallory")
    assert len(page) < 60_000
    assert f"{len(LONG) - 1_000:,} characters more" in text_of(page)
    alone = re.search(rf'href="/dirsync(/requests/{number}/changes/\d+)">Show this change in full', page)
    assert alone is not None
    page = looker.get(alone[1])
    assert 200_000 < len(page) < 2_000_000
    assert "lazy <del>dog</del>" in page


def test_a_change_that_is_not_there(looker: Looker) -> None:
    """A number beyond the plan is no page."""
    looker.get(f"/requests/{looker.made['pending']}/changes/5000", status=404)


def test_two_plans_are_compared(looker: Looker) -> None:
    """Objects that are only in one, and those that are treated otherwise, field by field."""
    page = looker.get(f"/requests/{looker.made['pending']}/comparison?with={looker.made['stale']}")
    numbers = dict(re.findall(r"<strong>(\d+)</strong><span>([^<]*)</span>", page))
    assert numbers == {
        "3": "only in the new plan",
        "0": "changed otherwise",
        "8": "no longer changed",
        "18": "the same in both",
    }
    assert page.count("Only in the new plan") == 3
    assert page.count("No longer changed") == 8


def test_an_object_that_is_treated_otherwise(looker: Looker) -> None:
    """Only the fields that differ are named, with what each plan does to them; the request before is found by
    itself.
    """
    run = looker.pages.run("manual__otherwise")
    first, *others = changes()
    fewer = Change(first.action, first.key, first.object, fields=first.fields[:1])
    number = looker.pages.request(run, looker.pages.plan(run, [fewer, *others]))
    page = looker.get(f"/requests/{number}/comparison")
    assert page.count("Changed otherwise") == 1
    table = text_of(page[page.index("Fields that the two plans treat differently") :])
    assert "telephoneNumber+1 212 555 0100 not touched" in table
    assert "displayName" not in table


def test_equal_plans_are_called_equal(looker: Looker) -> None:
    """A comparison without differences says so."""
    decisions.cancel(looker.store, looker.made["pending"], ADA, administrator=True)
    run = looker.pages.run("manual__same")
    number = looker.pages.request(run, looker.pages.plan(run, changes()))
    assert "Both plans do the same" in looker.get(
        f"/requests/{number}/comparison?with={looker.made['pending']}"
    )


def test_a_hidden_request_does_not_exist(looker: Looker) -> None:
    """What may not be seen answers as what does not exist, on every page about it."""
    looker.become(BEA, hidden=frozenset(["staff_to_branch"]))
    number = looker.made["pending"]
    for path in ("", "/changes", "/changes/0", "/ask?do=approve", f"/comparison?with={looker.made['two']}"):
        assert "Airflow does not let you see" in looker.get(f"/requests/{number}{path}", status=404)


@pytest.mark.parametrize(
    ("said", "shown"), [("denied", False), ("approved", False), ("commented", True), ("<b>x</b>", False)]
)
def test_an_address_cannot_claim_what_is_not_so(looker: Looker, said: str, shown: bool) -> None:
    """The message is one of a table, and one about a decision only where the request is in that state."""
    page = looker.get(f"/requests/{looker.made['pending']}?said={said}")
    assert ('id="message"' in page) == shown


def test_downloads_are_offered(looker: Looker) -> None:
    """CSV and LDIF, for spreadsheets and for directories."""
    page = looker.get(f"/requests/{looker.made['pending']}")
    for ending in ("csv", "ldif"):
        assert f'href="/dirsync/api/v1/requests/{looker.made["pending"]}/changes.{ending}" download' in page


def test_a_request_whose_run_is_over_says_so(looker: Looker) -> None:
    """Approved or waiting: nothing applies it any more.

    It is not said to be applied now, and can be planned again.
    """
    number = looker.made["pending"]
    gone, paused = RunInAirflow(told=True), RunInAirflow(told=True, identity=None, paused=True)
    assert "has ended in Airflow" not in text_of(looker.get(f"/requests/{number}"))
    looker.become(BEA, run=gone)
    assert "so an approval would change nothing" in text_of(looker.get(f"/requests/{number}"))
    decisions.approve(looker.store, number, BEA, digest=looker.pages.digest(number))
    looker.become(BEA)
    page = looker.get(f"/requests/{number}")
    assert "Its run applies exactly these changes now." in text_of(page)
    assert "every 3s" in page
    for run in (gone, paused):
        looker.become(BEA, run=run)
        page = looker.get(f"/requests/{number}")
        assert (
            "Its run has ended in Airflow, or was deleted there, without applying it. Nothing was written."
            in text_of(page)
        )
        assert "Plan again…" in page
        assert "every 10s" in page


def test_a_request_of_a_collection_that_is_switched_off_says_so(looker: Looker) -> None:
    """No task begins before it is switched on again."""
    number = looker.made["pending"]
    request = looker.store.requests.get(number).request
    identity = RunIdentity(request.run_id, request.trigger, request.requester)
    looker.become(BEA, run=RunInAirflow(True, identity, paused=True))
    said = "The collection is switched off in Airflow; what is approved is written once it is switched on."
    assert said in text_of(looker.get(f"/requests/{number}"))
    decisions.approve(looker.store, number, BEA, digest=looker.pages.digest(number))
    page = text_of(looker.get(f"/requests/{number}"))
    assert said in page
    assert "applies exactly these changes now" not in page


@pytest.mark.parametrize("state", ["denied", "cancelled", "stale"])
def test_what_was_never_written_is_shown_as_planned(looker: Looker, state: str) -> None:
    """On its page and in lists, also when it has ended; what was applied is not."""
    request = looker.store.requests.get(looker.made[state]).request
    assert request.state == state
    page = text_of(looker.get(f"/requests/{request.id}"))
    banner = page[: page.index("Besides: ")]
    assert re.search(r"Planned: (no changes|\d+ \w+)", banner)
    looker.become(ADA)
    rows = text_of(looker.get(f"/requests?list=all&state={state}"))
    assert "planned: " in rows
    assert "planned: " not in text_of(looker.get("/requests?list=all&state=applied"))
    assert (
        "Planned: "
        not in text_of(looker.get(f"/requests/{looker.made['applied']}")).partition("What was to change")[0]
    )
