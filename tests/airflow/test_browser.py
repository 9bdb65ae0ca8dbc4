"""Airflow as people meet it: `airflow standalone` with its pages and ours in a real browser.

What our pages do by themselves is proved in `tests/portal`, much faster. Here is what needs Airflow around
them: its trigger form, its runs, its frame with address bar, theme and sandbox, and several people at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Dialog,
    FrameLocator,
    Locator,
    Page,
    Route,
    expect,
)

from tests.scenarios.airflow_pages import HOSTILE, AirflowPages, airflow_pages
from tests.scenarios.htmx import click_in_page

LONG = 60_000  # milliseconds; Airflow on a busy machine
AXE = Path(__file__).parent.parent / "portal" / "vendor" / "axe" / "axe.min.js"
RULES = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']"

LogIn = Callable[..., Page]


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowPages]:
    """Airflow with its collections, and with runs of ida that wait or have stopped."""
    with airflow_pages(tmp_path_factory.mktemp("browser")) as pages:
        yield pages


@pytest.fixture
def log_in(airflow: AirflowPages, browser: Browser) -> Iterator[LogIn]:
    """Give a page of somebody who has logged in; an empty name is somebody who has not.

    No page ever opens a script's dialog.
    """
    contexts: list[BrowserContext] = []
    dialogs: list[str] = []

    def open_page(user: str = "") -> Page:
        context = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
        context.set_default_timeout(LONG)
        contexts.append(context)
        if user:
            api = airflow.api(user)
            context.add_cookies([{"name": "_token", "value": api.token, "url": airflow.url}])
            api.close()
        page = context.new_page()

        def note(dialog: Dialog) -> None:
            dialogs.append(dialog.message)
            dialog.dismiss()

        page.on("dialog", note)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert dialogs == []


def frame_of(page: Page, title: str = "Dir Sync") -> FrameLocator:
    """Our page within Airflow's."""
    return page.frame_locator(f"iframe[title='{title}']")


def see(frame: FrameLocator, text: str | re.Pattern[str]) -> None:
    """Wait until the text can be seen."""
    expect(frame.get_by_text(text).first).to_be_visible(timeout=LONG)


def trigger(page: Page, url: str) -> None:
    """Start a run through Airflow's form, as it stands."""
    page.goto(url)
    page.get_by_role("button", name="Trigger").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Preview only")).to_be_visible(timeout=LONG)
    dialog.get_by_role("button", name="Trigger").click()
    page.wait_for_url("**/runs/manual__*", timeout=LONG)


def answer(frame: FrameLocator, action: str, button: str, **fields: str) -> None:
    """Press a button of a request, fill the dialog's fields in, and send it."""
    click_in_page(frame.get_by_role("button", name=action))
    dialog = frame.get_by_role("dialog")
    for label, text in fields.items():
        dialog.get_by_label(label).fill(text)
    dialog.get_by_role("button", name=button).click()


def lines(airflow: AirflowPages, name: str) -> list[str]:
    """The lines of a file in the data folder, sorted."""
    return sorted((airflow.data / name).read_text(encoding="utf-8").splitlines())


def test_an_operator_starts_a_run_and_reads_what_was_done(airflow: AirflowPages, log_in: LogIn) -> None:
    """The trigger form can be sent as it is; the run succeeds, and the task's log says field by field what
    was written.
    """
    page = log_in("ida")
    trigger(page, f"{airflow.url}/dags/staff_to_phone_list")
    expect(page.get_by_text("Success").first).to_be_visible(timeout=LONG)
    page.goto(f"{page.url}/tasks/phones")
    expect(page.get_by_text("Created fry").first).to_be_visible(timeout=LONG)
    expect(page.get_by_text("+1 212 <b>100</b>").first).to_be_visible(timeout=LONG)


def test_a_broken_definition_shows_its_error(airflow: AirflowPages, log_in: LogIn) -> None:
    """The DAG of a broken file is tagged, and its documentation says what is wrong, without obeying what the
    file says.

    Nothing of it is cut off, however long.
    """
    page = log_in("ida")
    page.goto(f"{airflow.url}/dags/broken_one")
    expect(page.get_by_text("broken definition").first).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Dag Docs").click()
    problem = page.get_by_role("dialog").locator("p").filter(has_text="very_very_")
    expect(problem).to_contain_text("broken.yaml:3", timeout=LONG)
    expect(problem).to_contain_text("<img src=x onerror=alert(1)>")
    expect(problem).to_contain_text("`key` *x*")
    expect(page.get_by_role("dialog").locator("img")).to_have_count(0)
    wider = (
        "body => [body, ...body.querySelectorAll('*')].filter(each => each.clientWidth && each.scrollWidth >"
        " each.clientWidth)"
    )
    body = page.get_by_role("dialog").locator(".chakra-dialog__body")
    assert body.evaluate(f"{wider}.map(each => each.outerHTML)") == []


def test_changes_are_made_once_an_approver_has_agreed(airflow: AirflowPages, log_in: LogIn) -> None:
    """The operator sees that the run waits; the approver finds the request in the menu, reads it and agrees;
    then it is written.

    The operator's tab follows all of that by itself, from before the run has begun. What stands in the data
    is text everywhere.
    """
    ida = log_in("ida")
    trigger(ida, f"{airflow.url}/dags/reception")
    run = ida.url
    ida.get_by_role("link", name="Sync results").click()
    tab = frame_of(ida, "Sync results")
    see(tab, "1 job waits for approval")
    see(tab, "Nothing has been written yet")
    before = lines(airflow, "guests_out.csv")

    bob = log_in()
    bob.goto(airflow.url)
    bob.get_by_label("Username").fill("bob")
    bob.get_by_label("Password").fill("bob")
    bob.get_by_role("button", name="Sign in").click()
    bob.get_by_role("link", name="Dir Sync").click()
    frame = frame_of(bob)
    frame.get_by_role("link", name="reception / guests").click()
    expect(frame.locator("li.change")).to_have_count(4, timeout=LONG)
    created = frame.locator("li.change", has_text="kif")
    for piece in HOSTILE.replace("\u202e", "\n").replace("\u0007", "\n").split("\n"):
        expect(created.locator("table.fields")).to_contain_text(piece)
    expect(created.locator(".spelled").first).to_have_text("\\u202e")
    expect(frame.locator("main script, main img")).to_have_count(0)
    assert lines(airflow, "guests_out.csv") == before
    number = airflow.pending("reception", "guests")
    answer(frame, "Approve…", "Approve 1 deletion, 1 update, 2 creations", Reason="As announced.")
    see(frame, "You have approved the request")
    expect(bob).to_have_url(airflow.portal(f"/requests/{number}"))

    airflow.wait_until_applied("reception", "guests")
    assert [line.partition(",")[0] for line in lines(airflow, "guests_out.csv")] == [
        "fry",
        "kif",
        "leela",
        "user",
    ]
    ida.goto(f"{run}/plugin/dirsync_run")
    see(tab, "Written: 1 deletion, 1 update, 2 creations")
    ida.goto(f"{run}/tasks/guests/details")
    ida.get_by_role("link", name="Request", exact=True).click()
    see(frame_of(ida), "Approved by bob, and applied")
    frame_of(ida).get_by_role("link", name="My requests").click()
    expect(frame_of(ida).get_by_role("row").filter(has_text="reception / guests")).to_contain_text("Applied")


def test_a_denied_request_is_planned_again(airflow: AirflowPages, log_in: LogIn) -> None:
    """A denial needs a reason, which the requester reads; planning again leads to a new request, compared
    with this one.
    """
    number = airflow.pending("front_desk", "phones")
    before = lines(airflow, "phones_out.csv")
    bob, ida = log_in("bob"), log_in("ida")
    bob.goto(airflow.portal(f"/requests/{number}"))
    frame = frame_of(bob)
    answer(frame, "Deny…", "Deny 1 deletion")
    expect(frame.get_by_role("dialog")).to_be_visible()
    frame.get_by_label("Reason (the requester sees it)").fill("Phones are bought in May.")
    frame.get_by_role("dialog").get_by_role("button", name="Deny 1 deletion").click()
    see(frame, "You have denied the request")

    ida.goto(airflow.portal(f"/requests/{number}"))
    frame = frame_of(ida)
    see(frame, "Phones are bought in May.")
    answer(frame, "Plan again…", "Start a new run of this job")
    see(frame, "A new run of this job has been started")
    newer = airflow.pending("front_desk", "phones")
    assert newer != number
    assert lines(airflow, "phones_out.csv") == before
    ida.goto(airflow.portal(f"/requests/{newer}"))
    frame.get_by_role("link", name=f"Compare with request {number}").click()
    see(frame, "Both plans do the same")


def test_a_request_is_sent_on(airflow: AirflowPages, log_in: LogIn) -> None:
    """Whom an approver names is asked too, finds the request, and their answer counts."""
    number = airflow.pending("front_desk", "rooms")
    bob, carol = log_in("bob"), log_in("carol")
    bob.goto(airflow.portal(f"/requests/{number}"))
    answer(
        frame_of(bob), "Ask others…", "Ask them too", Users="carol", Reason="She has the plan of the house."
    )
    see(frame_of(bob), "The request was sent on")
    carol.goto(airflow.portal("/requests?list=inbox"))
    frame = frame_of(carol)
    frame.get_by_role("link", name="front_desk / rooms").click()
    see(frame, "She has the plan of the house.")
    answer(frame, "Approve…", "Approve 1 deletion, 1 update, 1 creation")
    see(frame, "You have approved the request")
    airflow.wait_until_applied("front_desk", "rooms")
    assert lines(airflow, "rooms_out.csv") == ["fry,rooms of Fry", "leela,rooms of Leela", "user,note"]


def test_the_requester_takes_it_back(airflow: AirflowPages, log_in: LogIn) -> None:
    """Who has asked can cancel; nobody can decide any more."""
    number = airflow.pending("front_desk", "badges")
    ida, bob = log_in("ida"), log_in("bob")
    ida.goto(airflow.portal(f"/requests/{number}"))
    answer(frame_of(ida), "Cancel request…", "Cancel 1 deletion")
    see(frame_of(ida), "The request was cancelled")
    bob.goto(airflow.portal(f"/requests/{number}"))
    see(frame_of(bob), "Cancelled by ida")
    expect(frame_of(bob).get_by_role("button", name="Approve…")).to_have_count(0)


def test_nobody_decides_on_their_own_request(airflow: AirflowPages, log_in: LogIn) -> None:
    """An approver who has asked sees the buttons disabled, and why."""
    ida = log_in("ida")
    ida.goto(airflow.portal(f"/requests/{airflow.pending('front_desk', 'desks')}"))
    frame = frame_of(ida)
    expect(frame.get_by_role("button", name="Approve…")).to_be_disabled(timeout=LONG)
    expect(frame.get_by_role("button", name="Deny…")).to_be_disabled()
    see(frame, "You asked for these changes, so someone else has to decide")


def test_the_second_answer_is_told_of_the_first(airflow: AirflowPages, log_in: LogIn) -> None:
    """Two people have the same question open: the first answer counts, and the other person hears whose it
    was.
    """
    number = airflow.pending("front_desk", "keys")
    bob, carol = log_in("bob"), log_in("carol")
    for page in (bob, carol):
        page.goto(airflow.portal(f"/requests/{number}"))
    click_in_page(frame_of(carol).get_by_role("button", name="Deny…"))
    frame_of(carol).get_by_label("Reason (the requester sees it)").fill("Too many keys.")
    answer(frame_of(bob), "Approve…", "Approve 1 deletion")
    see(frame_of(bob), "You have approved the request")
    frame_of(carol).get_by_role("dialog").get_by_role("button", name="Deny 1 deletion").click()
    see(frame_of(carol), re.compile(r"approved.* by bob|bob.* approved"))
    frame_of(carol).get_by_role("link", name=f"See request {number} as it is now").click()
    expect(frame_of(carol).get_by_role("heading", name="front_desk / keys")).to_be_visible(timeout=LONG)
    expect(frame_of(carol).get_by_text("Too many keys.")).to_have_count(0)


def test_a_limit_is_waived_once(airflow: AirflowPages, log_in: LogIn) -> None:
    """The stopped run's tab asks for it, somebody else agrees, and the next run that makes the same plan
    carries it out.
    """
    ida, admin = log_in("ida"), log_in("admin")
    ida.goto(airflow.run_page("cleanup", "/plugin/dirsync_run"))
    tab = frame_of(ida, "Sync results")
    answer(
        tab,
        "Ask for a waiver…",
        "Ask for 5 deletions",
        **{"Why so many changes are meant": "They left with the merger."},
    )
    see(tab, "You have asked for the limits to be waived once")
    assert len(lines(airflow, "former_out.csv")) == 7
    number = airflow.pending("cleanup", "former_staff")
    admin.goto(airflow.portal("/requests?list=inbox"))
    frame = frame_of(admin)
    frame.get_by_role("link", name="cleanup / former_staff").click()
    see(frame, "Approving this waives 1 limit, once")
    answer(frame, "Approve…", "Approve 5 deletions")
    see(frame, "You have approved the waiver. Nothing is written before a later run uses it")
    expect(admin).to_have_url(airflow.portal(f"/requests/{number}"))
    api = airflow.api("ida")
    run = api.trigger("cleanup", "With the waiver")
    assert api.wait_for_run("cleanup", run, 120) == "success"
    api.close()
    assert lines(airflow, "former_out.csv") == ["fry,stays", "user,note"]


def test_addresses_can_be_passed_on(airflow: AirflowPages, log_in: LogIn) -> None:
    """A request's address opens it, also after a reload; a filter is part of the address; back and forward
    find it again.
    """
    number = airflow.pending("front_desk", "desks")
    page = log_in("bob")
    frame = frame_of(page)
    page.goto(airflow.portal(f"/requests/{number}"))
    heading = frame.get_by_role("heading", name="front_desk / desks")
    expect(heading).to_be_visible(timeout=LONG)
    page.reload()
    expect(heading).to_be_visible(timeout=LONG)
    frame.get_by_role("link", name="Request inbox").click()
    frame.get_by_label("Object", exact=True).fill("morbo")
    frame.get_by_role("button", name="Filter").click()
    see(frame, "Clear all filters")
    expect(page).to_have_url(re.compile(r"/plugin/dirsync/dirsync/requests\?list=inbox&.*object=morbo"))
    frame.get_by_role("link", name="front_desk / desks").click()
    expect(heading).to_be_visible(timeout=LONG)
    page.go_back()
    expect(frame.get_by_label("Object", exact=True)).to_have_value("morbo", timeout=LONG)
    page.go_forward()
    expect(heading).to_be_visible(timeout=LONG)
    expect(page).to_have_url(airflow.portal(f"/requests/{number}"))


def test_the_frame_is_part_of_airflow(airflow: AirflowPages, log_in: LogIn) -> None:
    """Our page follows Airflow's theme while it is open, downloads leave its sandbox, and so do links to
    Airflow's pages.
    """
    page = log_in("bob")
    frame = frame_of(page)
    page.goto(airflow.portal(f"/requests/{airflow.pending('front_desk', 'desks')}"))
    body = frame.locator("body")
    expect(frame.get_by_role("heading", name="Changes", exact=True)).to_be_visible(timeout=LONG)
    was_dark = page.evaluate("document.documentElement.classList.contains('dark')")
    before = body.evaluate("body => getComputedStyle(body).backgroundColor")
    page.get_by_role("button", name="User").click()
    page.get_by_role("menuitem", name="Appearance").click()
    page.get_by_text("Light Mode" if was_dark else "Dark Mode").click()
    expect(body).not_to_have_css("background-color", before, timeout=LONG)
    with page.expect_download() as download:
        frame.get_by_role("link", name="Download CSV").click()
    assert "desks of Leela" in download.value.path().read_text(encoding="utf-8")
    page.keyboard.press("Escape")
    frame.get_by_role("link", name="See its run in Airflow").click()
    expect(page).to_have_url(airflow.run_page("front_desk", "/plugin/dirsync_run"), timeout=LONG)
    expect(page.get_by_role("link", name="Sync results")).to_have_attribute(
        "aria-current", "page", timeout=LONG
    )


def test_tabs_of_tasks_and_of_other_dags(airflow: AirflowPages, log_in: LogIn) -> None:
    """A task's tab shows its job's changes; other DAGs say what the tab would show; the DAG that keeps house
    is on.
    """
    airflow.pending("front_desk", "desks")
    page = log_in("ida")
    page.goto(airflow.run_page("front_desk", "/tasks/desks/plugin/dirsync_ti"))
    see(frame_of(page, "Sync job"), "Planned: 1 deletion, 1 update, 1 creation")
    expect(frame_of(page, "Sync job").locator("li.change")).to_have_count(3)
    api = airflow.api("ida")
    run = api.trigger("no_sync", "")
    assert api.has_dag("directory_sync.upkeep")
    api.close()
    page.goto(f"{airflow.url}/dags/no_sync/runs/{run}/plugin/dirsync_run")
    see(frame_of(page, "Sync results"), "Nothing to show here")
    page.goto(f"{airflow.url}/dags/directory_sync.upkeep")
    expect(page.get_by_role("heading", name="Directory Sync: upkeep")).to_be_visible(timeout=LONG)


def card_of(page: Page) -> Locator:
    """Our card on Airflow's Home."""
    return page.get_by_role("region", name="Directory Sync")


def expect_home(page: Page) -> None:
    """Airflow's own Home is there, whatever became of our card."""
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("Dag Run", exact=False).first).to_be_visible(timeout=LONG)


def test_the_home_of_an_approver_says_what_waits(airflow: AirflowPages, log_in: LogIn) -> None:
    """With the way to each request; the person who asked is not told to decide."""
    number = airflow.pending("front_desk", "desks")
    bob = log_in("bob")
    bob.goto(airflow.url)
    card = card_of(bob)
    expect(card.get_by_role("heading", name=re.compile(r"\d+ requests? waits? for you"))).to_be_visible(
        timeout=LONG
    )
    expect(card.get_by_text("1 deletion, 1 update, 1 creation").first).to_be_visible()
    card.get_by_role("link", name="front_desk / desks").click()
    see(frame_of(bob), f"Request {number}")
    ida = log_in("ida")
    ida.goto(airflow.url)
    expect_home(ida)
    expect(ida.get_by_text("for you")).to_have_count(0)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 500, "body": "{}"},
        {"status": 401, "body": "{}"},
        {"status": 200, "body": "<html>"},
        {"status": 200, "json": {"waiting": 0, "failed": 0, "running": 0}},
        # Not what it should be: the component throws while it draws.
        {"status": 200, "json": {"waiting": 2}},
        {"status": 200, "json": {"waiting": 1, "requests": [None]}},
    ],
)
def test_what_goes_wrong_with_the_card_leaves_home_as_it_is(
    airflow: AirflowPages, log_in: LogIn, answer: dict[str, Any]
) -> None:
    """The card stays away, and Airflow's page is whole."""
    page = log_in("bob")
    asked: list[str] = []

    def fulfil(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(**answer)

    page.route("**/dirsync/api/v1/home", fulfil)
    with page.expect_response("**/dirsync/api/v1/home"):
        page.goto(airflow.url)
    expect_home(page)
    page.wait_for_timeout(500)  # long enough to draw what must not be drawn
    assert asked == [f"{airflow.url}/dirsync/api/v1/home"]
    expect(card_of(page)).to_have_count(0)
    expect(page.get_by_text("Error", exact=True)).to_have_count(0)


def test_the_card_shows_what_others_called_things_as_text(airflow: AirflowPages, log_in: LogIn) -> None:
    """No name is HTML, none reorders its surroundings, and no link leads out of Airflow."""
    page = log_in("bob")
    run = {"collection": "<img src=x onerror=alert(1)>\u202egnp", "run_id": "x", "preview_only": True}
    run |= {"text": "Failed", "state": "failed", "at": "2026-11-30T10:00:00Z"}
    told = {"waiting": 0, "requests": [], "inbox_path": "/", "running": 0, "running_runs": [], "failed": 9}
    paths = ("javascript:alert(1)", "//evil.example/x", "/\\evil.example", "https://evil.example", "/dags/a")
    runs = [{**run, "run_id": path, "path": path} for path in paths]
    page.route("**/dirsync/api/v1/home", lambda route: route.fulfill(json={**told, "failed_runs": runs}))
    page.goto(airflow.url)
    card = card_of(page)
    expect(card.get_by_text("9 runs failed or had errors since yesterday")).to_be_visible(timeout=LONG)
    expect(card.get_by_text("and 4 more")).to_be_visible()
    expect(card.get_by_text("<img src=x onerror=alert(1)>\\u{202e}gnp").first).to_be_visible()
    assert card.locator("img").count() == 0
    links = card.get_by_role("link").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert links == ["#", "#", "#", "#", "/dags/a"]
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for theme in ("dark", "light"):
        page.evaluate(f"document.documentElement.className = '{theme}'")
        run_axe = f"axe.run('[data-directory-sync=card]', {{runOnly: {RULES}}})"
        found = page.evaluate(run_axe)["violations"]
        assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []


def test_tabs_of_dags_and_tasks(airflow: AirflowPages, log_in: LogIn) -> None:
    """The collection on its DAG's page, the job on its task's; a DAG that is none says so."""
    number = airflow.pending("front_desk", "desks")
    page = log_in("bob")
    page.goto(f"{airflow.url}/dags/front_desk")
    page.get_by_role("link", name="Sync collection").click()
    tab = frame_of(page, "Sync collection")
    see(tab, re.compile("requests? waits? for approval"))
    tab.get_by_role("link", name="desks", exact=True).click()
    page.wait_for_url("**/dags/front_desk/tasks/desks/plugin/dirsync_task", timeout=LONG)
    tab = frame_of(page, "Sync job")
    see(tab, "Recent Runs")
    tab.get_by_role("link", name=f"desks: request {number}").click()
    see(frame_of(page), f"Request {number}")
    page.goto(f"{airflow.url}/dags/no_sync/plugin/dirsync_dag")
    see(frame_of(page, "Sync collection"), "Nothing to show here")


def test_the_grid_shows_jobs_and_folds_the_rest(airflow: AirflowPages, log_in: LogIn) -> None:
    """One row for approvals and the end of the run, which unfolds to the tasks."""
    airflow.pending("front_desk", "desks")
    page = log_in("ida")
    page.goto(f"{airflow.url}/dags/front_desk")
    expect(page.get_by_text("Approvals and end of run").first).to_be_visible(timeout=LONG)
    expect(page.get_by_text("desks.apply")).to_have_count(0)


def test_framed_pages_are_accessible(airflow: AirflowPages, log_in: LogIn) -> None:
    """With Airflow's own colours, light and dark: no violation of WCAG 2.2 AA or of best practice."""
    number = airflow.pending("front_desk", "desks")
    page = log_in("bob")
    axe = AXE.read_text(encoding="utf-8")
    wrong: list[str] = []
    for address, title in (
        (airflow.portal("/requests?list=inbox"), "Dir Sync"),
        (airflow.portal(f"/requests/{number}"), "Dir Sync"),
        (airflow.run_page("front_desk", "/plugin/dirsync_run"), "Sync results"),
    ):
        page.goto(address)
        expect(frame_of(page, title).locator("h1")).to_be_visible(timeout=LONG)
        (inner,) = (frame for frame in page.frames if frame is not page.main_frame)
        inner.evaluate(axe)
        for theme in ("dark", "light"):
            page.evaluate(f"document.documentElement.className = '{theme}'")
            inner.wait_for_function(
                f"document.documentElement.classList.contains('dark') === {str(theme == 'dark').lower()}"
            )
            found = inner.evaluate(f"axe.run(document, {{runOnly: {RULES}}})")["violations"]
            wrong += [f"{address}, {theme}: {each['id']} {each['nodes'][0]['html'][:200]}" for each in found]
    assert wrong == []
