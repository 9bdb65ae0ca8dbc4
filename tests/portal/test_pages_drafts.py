"""The wizard's frame: drafts are begun, kept step by step, finished, discarded, and seen by one person."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from directory_sync.collections.saving import Saved
from directory_sync.errors import DraftNotFound, EditRefused
from tests.portal.pages_client import Looker, text_of
from tests.scenarios.browser_form import sent_by
from tests.scenarios.portal_pages import ADA, BEA
from tests.scenarios.saved import text_of as definition

pytestmark = pytest.mark.usefixtures("airflow_database")

HOSTILE = '<script>alert(1)</script>"\u202e'


def begin(looker: Looker, kind: str = "collection") -> str:
    """A new draft; its address."""
    location = looker.post("/drafts", {"kind": kind})
    found = re.fullmatch(r"/dirsync(/drafts/[0-9a-f]{32})/(?:jobs/1/)?details", location)
    assert found is not None, location
    return found[1]


def draft_of(looker: Looker, address: str) -> tuple[int, str]:
    """Number and text of a draft."""
    draft = looker.store.drafts.get(address.rpartition("/")[2], looker.pages.person.name)
    return draft.number, draft.text


def form_of(page: str) -> dict[str, str]:
    """The step's form as the page has it."""
    sent = sent_by(page.split('<form id="step-form"')[1].split("</form>", maxsplit=1)[0])
    return {name: values[-1] for name, values in sent.items()}


def send(looker: Looker, address: str, step: str, *, status: int = 303, **given: str) -> str:
    """Send a step's form as the page has it."""
    number = draft_of(looker, address)[0]
    return looker.post(f"{address}/{step}", {"number": str(number), **given}, status=status)


def test_a_draft_becomes_a_collection(ada: Looker) -> None:
    """Text, review, Finish: it is saved with the comment, and the draft is gone."""
    address = begin(ada)
    send(ada, address, "yaml", definition=definition("crew", title="Crew"), do="go:review")
    page = ada.get(f"{address}/review")
    assert "Step 4 of 4" in text_of(page)
    assert "Who would have to approve" in page
    location = send(ada, address, "review", comment="because", do="finish")
    assert location == "/dirsync/collections/crew?said=collection-saved"
    saved = ada.store.collections.get("crew")
    assert saved is not None
    assert (saved.comment, saved.text) == ("because", definition("crew", title="Crew"))
    ada.get(f"{address}/review", status=404)


def test_every_step_can_be_reached_and_keeps_what_was_typed(ada: Looker) -> None:
    """Next Step, Back, Save draft, Show YAML and the rail lead on, and each keeps the text first."""
    address = begin(ada)
    for do, leads_to in {
        "save": "jobs?done=saved",
        "back": "details",
        "yaml": "yaml?from=jobs",
        "go:schedule": "schedule",
        "go:jobs/1/mapping": "jobs/1/mapping",
        "go:https://evil.example": "jobs?done=saved",
    }.items():
        send(ada, address, "yaml", definition="jobs: [{name: a}]\n", do="save")
        location = send(ada, address, "jobs", **{"job-1": "a", "name-1": f"b{len(do)}", "do": do})
        assert location == f"/dirsync{address}/{leads_to}"
        assert f"name: b{len(do)}" in draft_of(ada, address)[1]
        ada.get(location.removeprefix("/dirsync"))


def test_next_step_stays_where_something_is_wrong(ada: Looker) -> None:
    """What was typed is kept; the problems are listed, with links to where they are corrected."""
    address = begin(ada)
    location = send(ada, address, "jobs", do="next")
    assert location.endswith("/jobs?checked=yes#problems")
    page = ada.get(f"{address}/jobs?checked=yes")
    assert 'href="#field-jobs"' in page
    assert 'id="field-jobs"' in page
    assert "needs at least 1" in text_of(page)
    assert "needs at least 1" not in ada.get(f"{address}/jobs")


def test_jobs_are_added_and_put_in_order(ada: Looker) -> None:
    """Buttons and dragging do the same; the focus stays on the button of the job that was moved."""
    address = begin(ada)
    assert send(ada, address, "jobs", do="new").endswith(f"{address}/jobs/1/details")
    send(ada, address, "jobs", do="new")
    rows = {"job-1": "new_job", "job-2": "new_job_2", "enabled-1": "yes", "enabled-2": "yes"}
    location = send(ada, address, "jobs", **rows, do="down:1")
    assert location.endswith("/jobs?by=down&at=2")
    assert re.search(r'value="up:2"[^>]*>', ada.get(location.removeprefix("/dirsync")))
    assert re.findall(r"name: (\w+)", draft_of(ada, address)[1]) == ["new_job_2", "new_job"]
    rows = {"job-1": "new_job_2", "job-2": "new_job", "enabled-1": "yes", "enabled-2": "yes"}
    send(ada, address, "jobs", **rows, do="order:2:1")
    send(ada, address, "jobs", **{**rows, "job-1": "new_job", "job-2": "new_job_2"}, do="duplicate:1")
    assert re.findall(r"name: (\w+)", draft_of(ada, address)[1]) == ["new_job", "new_job_3", "new_job_2"]
    names = {"job-1": "new_job", "job-2": "new_job_3", "job-3": "new_job_2"}
    send(ada, address, "jobs", **names, **{"on_failure-1": "continue", "enabled-3": "yes"}, do="remove:2")
    text = draft_of(ada, address)[1]
    assert re.findall(r"name: (\w+)", text) == ["new_job", "new_job_2"]
    assert "on_failure: continue" in text
    assert text.count("enabled: false") == 1


TRUTHS = """\
# People of the company.
name: crew
jobs: # in this order
  - {name: a, enabled: no} # not yet
  - name: " b "
    enabled: yes # at last
  - name: c
    enabled: OFF
    on_failure: continue
  - {name: d, enabled: maybe}
"""


def test_a_list_that_is_sent_as_it_was_shown_changes_nothing(ada: Looker) -> None:
    """However a definition spells yes and no: a job that is off stays off."""
    address = begin(ada)
    send(ada, address, "yaml", definition=TRUTHS, do="save")
    page = ada.get(f"{address}/jobs").split('<form id="step-form"')[1].split("</form>")[0]
    sent = sent_by(page)
    assert [name for name in sent if name.startswith("enabled-")] == ["enabled-2"]
    ada.post(f"{address}/jobs", {**sent, "do": "next"})
    assert draft_of(ada, address)[1] == TRUTHS
    ada.post(f"{address}/jobs", {**sent, "enabled-1": ["yes"], "do": "save"})
    assert draft_of(ada, address)[1] == TRUTHS.replace("enabled: no", "enabled: true")


def test_the_list_shows_what_a_template_gives(
    ada: Looker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job is off, or goes on after a failure, where its template says so; nothing of it is written."""
    folder = tmp_path / "templates" / "jobs"
    folder.mkdir(parents=True)
    (folder / "quiet.yaml").write_text("enabled: false\non_failure: continue\n")
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__TEMPLATES_FOLDER", str(folder.parent))
    address = begin(ada)
    text = "jobs:\n  - {name: a, template: quiet}\n"
    send(ada, address, "yaml", definition=text, do="save")
    sent = sent_by(ada.get(f"{address}/jobs").split('<form id="step-form"')[1].split("</form>")[0])
    assert sent["on_failure-1"] == ["continue"]
    assert "enabled-1" not in sent
    ada.post(f"{address}/jobs", {**sent, "do": "save"})
    assert draft_of(ada, address)[1] == text


def test_existing_jobs_are_copied(ada: Looker) -> None:
    """From the collections that the visitor may see, by a name that is free; with what their collection says
    for them.
    """
    policy = {"approvers": {"users": ["ida"]}}
    ada.store.collections.save("crew", definition("crew", approval=policy), expected=0, by=ADA)
    ada.store.collections.save("other", definition("other", title="Others"), expected=0, by=ADA)
    ada.store.collections.save("hidden", definition("hidden"), expected=0, by=ADA)
    ada.become(ADA, hidden=frozenset({"hidden"}))
    address = begin(ada)
    page = ada.get(f"{address}/jobs/add?search=others", part=True)
    assert "other/people" in page
    assert "crew/people" not in page
    page = ada.get(f"{address}/jobs/add?search=others&copy=crew/people", part=True)
    assert page.index("crew/people") < page.index("other/people")
    assert "hidden/people" not in ada.get(f"{address}/jobs/add")
    number = draft_of(ada, address)[0]
    answer = ada.client.post(
        f"/dirsync{address}/jobs",
        data={"number": number, "do": "copy", "copy": ["crew/people", "other/people"]},
        headers={"Sec-Fetch-Site": "same-origin"},
        follow_redirects=False,
    )
    assert answer.headers["location"].endswith("/jobs?done=copied")
    text = draft_of(ada, address)[1]
    assert re.findall(r"- name: (\w+)", text) == ["people", "people_2"]
    assert text.count("approval:") == 1
    page = send(ada, address, "jobs", copy="hidden/people", do="copy", status=422)
    assert "that you may see" in page
    assert draft_of(ada, address)[1] == text


def test_two_windows_lose_nothing(ada: Looker) -> None:
    """The later one is told; what it has typed stands in the form, over what the first one wrote."""
    address = begin(ada)
    send(ada, address, "yaml", definition="jobs: [{name: a}, {name: b}]\n", do="save")
    number = draft_of(ada, address)[0]
    old = {"number": str(number), "job-1": "a", "job-2": "b", "enabled-1": "yes", "enabled-2": "yes"}
    ada.post(f"{address}/jobs", {**old, "do": "up:2"})
    page = ada.post(f"{address}/jobs", {**old, "name-2": "typed", "do": "next"}, status=409)
    assert "in another window" in page
    assert re.search(r'name="name-1" value="typed"', page)
    assert re.findall(r"name: (\w)", draft_of(ada, address)[1]) == ["b", "a"]
    text = "# mine\n"
    page = ada.post(f"{address}/yaml", {"number": "1", "definition": text, "do": "save"}, status=409)
    assert "# mine" in page


def test_what_was_typed_for_a_job_is_never_put_into_another_one(ada: Looker) -> None:
    """Where another window has moved it, the form follows it there; where it is gone, that is said."""
    address = begin(ada)
    send(ada, address, "yaml", definition="jobs: [{name: a}, {name: b}, {name: c}]\n", do="save")
    page = ada.get(f"{address}/jobs/2/approval")
    old = form_of(page)
    assert old["of_job"] == "b"
    (retries,) = (name for name in old if name.endswith("retries"))
    rows = {f"job-{n}": job for n, job in enumerate("abc", 1)} | {f"enabled-{n}": "yes" for n in (1, 2, 3)}
    send(ada, address, "jobs", **rows, do="down:2")
    before = draft_of(ada, address)
    typed = {**old, retries: "7", "do": "next"}
    moved = ada.post(f"{address}/jobs/2/approval", typed, status=307)
    assert moved == f"/dirsync{address}/jobs/3/approval"
    page = ada.post(f"{address}/jobs/3/approval", typed, status=409)
    assert "in another window" in page
    assert form_of(page)[retries] == "7"
    assert draft_of(ada, address) == before

    send(ada, address, "yaml", definition="jobs: [{name: a}, {name: c}, {name: d}]\n", do="save")
    page = ada.post(f"{address}/jobs/2/approval", typed, status=409)
    assert "its job b was renamed or removed there, and in its place is c now" in text_of(page)
    assert form_of(page)["of_job"] == "c"


def test_what_another_window_writes_while_a_draft_is_finished_stays_a_draft(
    ada: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not deleted unseen with the draft that was saved."""
    from directory_sync.portal import collections

    address = begin(ada)
    send(ada, address, "yaml", definition=definition("crew"), do="save")
    save = collections.save

    def save_while_another_window_writes(*arguments: Any, **more: Any) -> Saved:
        saved = save(*arguments, **more)
        send(ada, address, "yaml", definition=definition("crew", title="Later"), do="save")
        return saved

    monkeypatch.setattr(collections, "save", save_while_another_window_writes)
    assert send(ada, address, "review", do="finish").endswith("?said=collection-saved")
    assert ada.store.collections.get("crew") is not None
    assert draft_of(ada, address)[1] == definition("crew", title="Later")


def test_a_draft_that_could_not_be_finished_is_gone_on_with(
    ada: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page that says why holds the draft as it is now: sending it again is no second window."""
    from directory_sync.portal import collections

    address = begin(ada)
    send(ada, address, "yaml", definition=definition("crew"), do="save")

    def refuse(*_arguments: Any, **_more: Any) -> Saved:
        raise EditRefused("Not today.", name="crew")

    with monkeypatch.context() as patch:
        patch.setattr(collections, "save", refuse)
        page = send(ada, address, "review", comment="because", do="finish", status=403)
    assert "Not today." in page
    form = form_of(page)
    assert form["comment"] == "because"
    assert ada.post(f"{address}/review", {**form, "do": "finish"}).endswith("?said=collection-saved")


def test_a_draft_is_seen_by_its_person_only(ada: Looker) -> None:
    """For everyone else it does not exist, whatever they may do."""
    address = begin(ada)
    send(ada, address, "yaml", definition="title: Secret plan\n", do="save")
    assert "Secret plan" in ada.get("/collections")
    assert "Secret plan" in ada.get("/dashboard")
    ada.become(BEA)
    assert "Secret plan" not in ada.get("/collections")
    for step in ("", "/details", "/jobs", "/jobs/add", "/jobs/1/details", "/schedule", "/review", "/yaml"):
        assert "You have no such draft" in ada.get(f"{address}{step}", status=404)
    for step in ("/jobs", "/review", "/yaml", "/discard", "/jobs/1/details"):
        ada.post(f"{address}{step}", {"number": "2", "do": "finish"}, status=404)
    ada.become(ADA)
    assert ada.post(f"{address}/discard") == "/dirsync/collections?said=draft-discarded"
    with pytest.raises(DraftNotFound):
        draft_of(ada, address)


def test_only_people_who_may_create_begin_one(ada: Looker) -> None:
    """Others are told who may; an edit needs the right to edit."""
    ada.store.collections.save("crew", definition("crew"), expected=0, by=ADA)
    ada.become(BEA)
    ada.post("/drafts", {"kind": "collection"}, status=403)
    ada.post("/collections/crew/drafts", status=403)
    ada.post("/collections/nothing/drafts", status=404)
    ada.become(BEA, hidden=frozenset({"crew"}))
    ada.post("/collections/crew/drafts", status=404)


def test_a_saved_collection_is_edited_in_steps(ada: Looker) -> None:
    """From its newest version; begun twice it is the same draft; another person's version is not overwritten
    unseen.
    """
    ada.store.collections.save("crew", definition("crew"), expected=0, by=ADA)
    location = ada.post("/collections/crew/drafts", {"step": "schedule"})
    address = location.removeprefix("/dirsync").removesuffix("/schedule")
    send(ada, address, "yaml", definition=definition("crew", title="Mine"), do="save")
    again = ada.post("/collections/crew/drafts")
    assert again == f"/dirsync{address}/details?done=gone-on"
    assert "You began to change this" in ada.get(again.removeprefix("/dirsync"))
    assert "title" in text_of(ada.get(f"{address}/review"))
    ada.store.collections.save("crew", definition("crew", title="Theirs"), expected=1, by=BEA)
    page = send(ada, address, "review", comment="c", do="finish", status=409)
    assert "Another person has changed this collection" in page
    assert "Theirs" in page
    assert "Save over version 2" in page
    location = send(ada, address, "review", comment="c", over="2", do="over")
    assert location == "/dirsync/collections/crew?said=collection-saved"
    newest = ada.store.collections.get("crew")
    assert newest is not None
    assert (newest.number, newest.comment) == (3, "c")
    assert "Mine" in newest.text


def test_a_copy_is_made_in_steps(ada: Looker) -> None:
    """Of a collection that the visitor may see, by another name; what it was copied from stays."""
    ada.store.collections.save("crew", definition("crew", title="Crew"), expected=0, by=ADA)
    assert 'name="copy" value="crew"' in ada.get("/collections/crew")
    address = ada.post("/drafts", {"copy": "crew"}).removeprefix("/dirsync").removesuffix("/details")
    assert draft_of(ada, address)[1] == definition("crew_copy", title="Crew")
    assert send(ada, address, "review", do="finish").endswith("/collections/crew_copy?said=collection-saved")
    assert ada.store.collections.get("crew") is not None
    ada.become(ADA, hidden=frozenset({"crew"}))
    ada.post("/drafts", {"copy": "crew"}, status=404)
    ada.become(BEA)
    ada.post("/drafts", {"copy": "crew"}, status=403)


def test_a_name_that_is_taken_is_told(ada: Looker) -> None:
    """At its field, before anything is saved; and by Finish."""
    ada.store.collections.save("crew", definition("crew"), expected=0, by=ADA)
    address = begin(ada)
    send(ada, address, "yaml", definition=definition("crew", title="Another"), do="save")
    page = ada.get(f"{address}/review")
    assert "There is a saved collection crew already" in page
    assert f"{address}/details?checked=yes#problems" in page
    send(ada, address, "review", do="finish", status=422)
    newest = ada.store.collections.get("crew")
    assert newest is not None
    assert newest.number == 1


def test_text_that_is_no_yaml_is_kept(ada: Looker) -> None:
    """It is shown where it can be corrected; the steps say that it cannot be read."""
    address = begin(ada)
    text = f"title: {HOSTILE}\njobs: [\n"
    send(ada, address, "yaml", definition=text, do="save")
    assert draft_of(ada, address)[1] == text
    page = ada.get(f"{address}/yaml")
    assert HOSTILE not in page
    assert "alert(1)" in page
    ada.get(f"{address}/jobs")
    assert ada.post(f"{address}/jobs", {"number": "2", "do": "new"}, status=422)
    location = ada.client.get(f"/dirsync{address}", follow_redirects=False).headers["location"]
    assert location.endswith("/yaml")


def test_a_job_that_stands_alone(ada: Looker) -> None:
    """It has the steps of a job, and is finished in the last one."""
    address = begin(ada, "job")
    page = ada.get(f"{address}/jobs/1/details")
    assert "Create New: Job" in page
    assert "Step 1 of 6" in text_of(page)
    for step in ("endpoints", "mapping", "missing", "approval", "review"):
        ada.get(f"{address}/jobs/1/{step}")
    ada.get(f"{address}/jobs/2/details", status=404)
    ada.get(f"{address}/jobs/1/nothing", status=404)
    data = yaml.safe_load(definition("ignored"))
    text = yaml.safe_dump({"jobs": [{**data["jobs"][0], "name": "rooms"}]})
    send(ada, address, "yaml", definition=text, do="go:jobs/1/review")
    page = ada.get(f"{address}/jobs/1/review")
    assert "Step 6 of 6" in text_of(page)
    assert "Finish" in page
    location = send(ada, address, "jobs/1/review", comment="alone", do="finish")
    assert location == "/dirsync/collections/rooms?said=collection-saved"


def test_a_job_of_a_collection_is_reviewed(ada: Looker) -> None:
    """What was chosen in each of its steps, with a way to each; then back to the list."""
    address = begin(ada)
    send(ada, address, "yaml", definition=definition("crew"), do="save")
    page = ada.get(f"{address}/jobs/1/review")
    assert "OU=People,DC=corp" in page
    assert 'value="go:jobs/1/mapping"' in page
    assert send(ada, address, "jobs/1/review", do="next").endswith(f"{address}/jobs")
    assert send(ada, address, "jobs/1/review", do="back").endswith(f"{address}/jobs/1/approval")


def test_details_are_a_form(ada: Looker) -> None:
    """The title suggests the name; owners are suggested; what is wrong is kept and told."""
    ada.become(ADA, known=(("ida", "owen"), ("Op",)))
    address = begin(ada)
    page = ada.get(f"{address}/details")
    assert '<option value="owen">' in page
    fields = {"details.name": "", "details.title": "Zürich: Staff & Co", "details.description": ""}
    assert send(ada, address, "details", **fields, do="next").endswith(f"{address}/jobs")
    text = draft_of(ada, address)[1]
    assert text.startswith('name: zurich_staff_co\ntitle: "Zürich: Staff & Co"\n')
    assert "limits:  # a run that would change more" in text
    fields |= {"details.name": "No Name", "details.title": HOSTILE}
    assert send(ada, address, "details", **fields, do="next").endswith("/details?checked=yes#problems")
    page = ada.get(f"{address}/details?checked=yes")
    assert "is not a valid name" in text_of(page)
    assert 'href="#field-details-name"' in page
    assert 'value="No Name"' in page
    assert HOSTILE not in page
    assert f"{address}/details?checked=yes#problems" in ada.get(f"{address}/review")


def test_a_collection_template_is_taken_over(ada: Looker) -> None:
    """Its jobs are in the list, and what was typed stays."""
    address = begin(ada)
    assert "two way gal sync" in ada.get(f"{address}/details")
    fields = {"details.name": "gal", "details.title": "Mine"}
    location = send(ada, address, "details", **fields, do="template:two_way_gal_sync")
    assert location.endswith("/details?done=template")
    ada.get(location.removeprefix("/dirsync"))
    text = draft_of(ada, address)[1]
    assert re.findall(r"- name: (\w+)", text) == ["left_to_right", "right_to_left"]
    assert "title: Mine" in text
    assert text.count("template: sync_gal") == 2
    assert "left_to_right" in ada.get(f"{address}/jobs")
    send(ada, address, "details", **fields, do="template:../../etc", status=422)


def test_a_schedule_is_told_in_words(ada: Looker) -> None:
    """With its next firings; several at once; who gets no mail is told."""
    address = begin(ada)
    page = ada.get(f"{address}/schedule")
    assert "only by hand" in text_of(page)
    assert "mail_connection" in page
    name = "schedule.schedule"
    sent = {f"{name}.rows": "n0", f"{name}.n0": "daily", f"{name}.n0.daily.at": "03:30"}
    sent["schedule.timezone"] = "Europe/Berlin"
    part = ada.post(f"{address}/schedule/meaning", {"number": "1", **sent}, status=200)
    assert "at 03:30 (Europe/Berlin)" in text_of(part)
    assert part.count("<li>") == 5
    assert "schedule" not in draft_of(ada, address)[1]
    assert send(ada, address, "schedule", **sent, do="next").endswith("/review")
    assert "schedule: 30 3 * * *" in draft_of(ada, address)[1].replace('"', "")
    wrong = {**sent, f"{name}.rows": "0", f"{name}.0": "daily", f"{name}.0.daily.at": "soon"}
    wrong["schedule.timezone"] = "Mars/Base"
    location = send(ada, address, "schedule", **wrong, do="next")
    assert location.endswith("/schedule?checked=yes#problems")
    page = ada.get(f"{address}/schedule?checked=yes")
    assert 'value="Mars/Base"' in page
    assert "as soon as it is right" in page


def test_finish_switches_on_and_asks_for_a_preview(ada: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new collection says itself how it begins; the tick is set where it has a schedule."""
    address = begin(ada)
    text = definition("crew", schedule="@daily")
    send(ada, address, "yaml", definition=text, do="save")
    page = ada.get(f"{address}/review")
    assert re.search(r'name="switch_on" value="yes" checked', page)
    assert re.search(r'name="preview" value="yes" checked', page)
    location = send(ada, address, "review", switch_on="yes", preview="yes", do="finish")
    assert location.endswith("said=collection-saved-no-preview")  # there is no DAG of previews here
    saved = ada.store.collections.get("crew")
    assert saved is not None
    assert saved.text == text + "paused: false\n"
    address = ada.post("/collections/crew/drafts").removeprefix("/dirsync").removesuffix("/details")
    assert "switch_on" not in ada.get(f"{address}/review")


def test_templates_lead_to_the_steps(ada: Looker) -> None:
    """From the list of templates: of a collection with its jobs, of a job named in one that stands alone."""
    page = ada.get("/templates")
    assert 'name="template" value="sync_gal"' in page
    location = ada.post("/drafts", {"kind": "job", "template": "sync_gal"})
    address = location.removeprefix("/dirsync").removesuffix("/jobs/1/details")
    assert "  - name: new_job\n    template: sync_gal\n" in draft_of(ada, address)[1]
    location = ada.post("/drafts", {"kind": "collection", "template": "two_way_gal_sync"})
    address = location.removeprefix("/dirsync").removesuffix("/details")
    assert "- name: left_to_right" in draft_of(ada, address)[1]
    ada.post("/drafts", {"kind": "job", "template": "two_way_gal_sync"}, status=422)
    ada.post("/drafts", {"kind": "collection", "template": "../x"}, status=422)


def test_a_file_that_another_collection_writes_is_told(ada: Looker) -> None:
    """A copied job still writes to the file of the one that it was copied from."""
    job = yaml.safe_load(definition("crew"))["jobs"][0]
    out = {**job, "object": "row", "destination": {"file": "out/people.csv"}}
    theirs = definition("crew", jobs=[out, {**out, "name": "off", "enabled": False}])
    ada.store.collections.save("crew", theirs, expected=0, by=ADA)
    same = {**out, "destination": {"file": "out/./people.csv"}}
    elsewhere = {**out, "name": "other", "destination": {"file": "out/others.csv"}}
    address = begin(ada)
    send(ada, address, "yaml", definition=definition("copy", jobs=[same, elsewhere]), do="save")
    said = text_of(ada.get(f"{address}/review"))
    assert said.count("also written by") == 1
    assert f"also written by crew: {out['name']}." in said
    # The collection itself is no other one while it is edited.
    edited = ada.post("/collections/crew/drafts").removeprefix("/dirsync").rpartition("/")[0]
    assert "out/people.csv" in text_of(ada.get(f"{edited}/review"))
    assert "also written by" not in text_of(ada.get(f"{edited}/review"))
    # Nor is a collection told that the person may not see.
    ada.become(ADA, hidden=frozenset({"crew"}))
    assert "also written by" not in text_of(ada.get(f"{address}/review"))
