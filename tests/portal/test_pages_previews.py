"""Previews on pages: asked for by whom, seen by whom, and what they show."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from directory_sync.approval.people import Person
from directory_sync.own_dags import PREVIEWS_DAG_ID
from directory_sync.portal.run_in_airflow import RunInAirflow
from directory_sync.store.preview_model import PreviewState, Progress, Question
from directory_sync.store.run_identity import RunIdentity
from tests.portal.pages_client import Looker, text_of
from tests.scenarios.clock import Clock
from tests.scenarios.previewed import ADA, answered, claim, definition, job, write_files

IDA = Person("ida", frozenset({"Op"}), verified=True)
BORIS = Person("boris", frozenset({"Admin"}), verified=True)
OWEN = Person("owen", frozenset({"Viewer"}), verified=True)
FORM = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def started(airflow_database: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """The runs that the pages have Airflow start, and what its audit log holds."""
    from directory_sync.portal import airflow_runs

    found: list[dict[str, Any]] = []

    def start(dag_id: str, *, by: str, conf: Any, run_id: str | None = None) -> str:
        found.append({"dag_id": dag_id, "by": by, "conf": dict(conf), "run_id": run_id})
        return run_id or "manual__1"

    monkeypatch.setattr(airflow_runs, "start_run", start)
    monkeypatch.setattr(
        airflow_runs, "write_audit_log", lambda event, **facts: found.append({"event": event, **facts})
    )
    folder = tmp_path / "collections"
    folder.mkdir()
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTIONS_FOLDER", str(folder))
    return found


@pytest.fixture
def ada(empty_looker: Looker, started: list[dict[str, Any]]) -> Looker:
    """An administrator in front of a store with one saved collection."""
    empty_looker.store.collections.save("phones", definition(), expected=0, by=ADA)
    empty_looker.become(ADA)
    return empty_looker


def asked(looker: Looker, path: str, form: dict[str, Any] | None = None) -> Question:
    """Ask for a preview; the question that the page leads to."""
    address = looker.post(path, form)
    found = looker.store.previews.get(address.rpartition("/")[2])
    assert found is not None
    assert address == f"/dirsync/previews/{found.id}"
    return found


def edit(looker: Looker, text: str, *, path: str = "/collections/phones/edit") -> Question:
    """Preview what stands in the editor."""
    return asked(looker, path, {"definition": text, "expected": "1", "do": "preview"})


EDITED = definition(missing_at_source="delete", remove="all", phone={"template": "{{ phone }}!"})


# -- asking --------------------------------------------------------------------------------------------------


def test_a_question_is_stored_and_a_run_is_started_for_it(ada: Looker, started: list[dict[str, Any]]) -> None:
    """The run gets nothing but its id; the audit log says who asked about what."""
    assert 'action="/dirsync/collections/phones/preview"' in ada.get("/collections/phones")
    question = asked(ada, "/collections/phones/preview", {"jobs": "copy"})
    assert (question.asked_by, question.kind, question.version, question.jobs) == (
        "ada", "saved", 1, ("copy",)
    )  # fmt: skip
    run, entry = started
    assert run == {
        "dag_id": PREVIEWS_DAG_ID,
        "by": "ada",
        "conf": {"question": question.id},
        "run_id": question.run_id,
    }
    assert (entry["event"], entry["dag_id"], entry["by"]) == (
        "directory_sync.preview_collection", "phones", "ada"
    )  # fmt: skip


def test_what_is_typed_is_previewed_without_being_saved(ada: Looker) -> None:
    """An edit, and a new collection; what was typed comes back in the editor."""
    question = edit(ada, EDITED)
    assert (question.kind, question.text, question.version) == ("text", EDITED, 1)
    new = edit(ada, definition("fresh"), path="/new-collection")
    assert (new.collection, new.version) == ("fresh", None)
    assert [version.number for version in ada.store.collections.versions("phones")] == [1]
    page = ada.get(f"/collections/phones/edit?preview={question.id}")
    assert "{{ phone }}!" in page
    assert 'name="expected" value="1"' in page
    assert "name: fresh" in ada.get(f"/new-collection?preview={new.id}")
    assert f"/collections/phones/edit?preview={question.id}" in ada.get(f"/previews/{question.id}")
    # Of another collection, and of another person.
    assert "{{ phone }}!" not in ada.get(f"/collections/phones/edit?preview={new.id}")
    ada.become(BORIS)
    ada.get(f"/collections/phones/edit?preview={question.id}", status=404)
    ada.get(f"/new-collection?preview={new.id}", status=404)


def test_what_cannot_be_saved_is_not_previewed(ada: Looker, started: list[dict[str, Any]]) -> None:
    """Broken, of another name, with files out of reach, too large; the form says where."""
    form = {"expected": "1", "do": "preview"}
    for text, says in {
        "name: phones\njobs: 3\n": "expected a list",
        definition("other"): "the collection is called phones",
        definition(source={"file": "../../etc/passwd"}): "source.file",
    }.items():
        page = ada.post("/collections/phones/edit", form | {"definition": text}, status=422)
        assert says in text_of(page)
        assert "<textarea" in page
    ada.post("/collections/phones/edit", form | {"definition": "x" * 5_000_000}, status=422)
    ada.post("/new-collection", form | {"definition": "a: " + "x" * 3_000_000}, status=422)
    assert started == []


def test_who_may_not_save_or_run_may_not_preview(ada: Looker, started: list[dict[str, Any]]) -> None:
    """An edit needs both; what is saved, to start its runs. Who may not see it, finds nothing."""
    form = {"definition": EDITED, "expected": "1", "do": "preview"}
    ada.become(IDA)  # may run, and not save
    assert asked(ada, "/collections/phones/preview").kind == "saved"
    ada.post("/collections/phones/edit", form, status=403)
    ada.post("/new-collection", form, status=403)
    ada.become(ADA, start=False)  # may save, and not run
    ada.post("/collections/phones/preview", status=403)
    ada.post("/collections/phones/edit", form, status=403)
    ada.post("/new-collection", form | {"definition": definition("fresh")}, status=403)
    ada.become(ADA, hidden=frozenset({"phones"}))
    ada.post("/collections/phones/preview", status=404)
    ada.post("/collections/phones/edit", form, status=404)
    ada.become(Person("ada", frozenset({"Admin"}), verified=False))
    ada.post("/collections/phones/preview", status=403)
    assert len(started) == 2


def test_an_owner_previews_no_connection_that_others_choose(
    ada: Looker, started: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without rules, an owner may edit what a collection does with its places, and choose no other place;
    with rules, none that their roles may not use.
    """
    ada.store.collections.save("phones", f"{definition()}owners: [owen]\n", expected=1, by=ADA)
    ada.become(OWEN)
    edit(ada, f"{EDITED}owners: [owen]\n")
    elsewhere: dict[str, Any] = {"source": {"connection": "payroll", "container": "ou=salaries,dc=x"}}
    other = f"{definition(jobs=[job(**elsewhere)])}owners: [owen]\n"
    form = {"definition": other, "expected": "2", "do": "preview"}
    ada.post("/collections/phones/edit", form, status=422)
    rules = tmp_path / "rules.yaml"
    side = "{roles: [Viewer]}"
    rules.write_text(
        f"data_folder: {{source: {side}, destination: {side}}}\n"
        "connections: {payroll: {source: {roles: [Payroll]}}}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__CONNECTION_RULES", str(rules))
    assert "payroll" in ada.post("/collections/phones/edit", form, status=422)
    edit(ada, f"{EDITED}owners: [owen]\n")
    assert sum("dag_id" in each and each["dag_id"] == PREVIEWS_DAG_ID for each in started) == 2


def test_a_job_that_does_not_exist_is_refused(ada: Looker) -> None:
    """With those that there are."""
    assert "no job" in text_of(ada.post("/collections/phones/preview", {"jobs": "nope"}, status=422))


def test_a_file_is_previewed_as_it_is(ada: Looker, tmp_path: Path) -> None:
    """Its text is read by the server, and not sent by anyone."""
    file = tmp_path / "collections" / "branch.yaml"
    file.write_text(definition("branch"), encoding="utf-8")
    question = asked(ada, "/collections/branch/preview")
    assert (question.kind, question.text) == ("file", definition("branch"))


def test_where_airflow_cannot_run_it_nothing_is_left(ada: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person hears what to do, with what they had typed."""
    from directory_sync.errors import NotDecidable
    from directory_sync.portal import airflow_runs

    def refuse(*_: object, **__: object) -> str:
        raise NotDecidable("The DAG is paused.")

    monkeypatch.setattr(airflow_runs, "start_run", refuse)
    page = ada.post(
        "/collections/phones/edit", {"definition": EDITED, "expected": "1", "do": "preview"}, status=409
    )
    assert PREVIEWS_DAG_ID in text_of(page)
    assert "{{ phone }}!" in page
    for _ in range(5):  # none of these is left as open
        ada.post("/collections/phones/preview", status=409)


def test_a_server_that_is_killed_while_asking_leaves_nothing_half(
    ada: Looker, started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the question and its run: no run answers it, it expires, and the same can be asked again."""
    from directory_sync.portal import airflow_runs

    clock = Clock(ada.store)

    class Killed(BaseException):
        pass

    def kill(*_: object, run_id: str, **__: object) -> str:
        started.append({"run_id": run_id})
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(airflow_runs, "start_run", kill)
        with pytest.raises(Killed):
            ada.post("/collections/phones/preview")
    (run,) = started
    id = run["run_id"].removeprefix("preview__")
    assert "It waits for a worker" in text_of(ada.get(f"/previews/{id}"))
    clock.advance(minutes=11)
    assert "No worker took it" in text_of(ada.get(f"/previews/{id}"))
    assert asked(ada, "/collections/phones/preview").state is PreviewState.ASKED


# -- seeing --------------------------------------------------------------------------------------------------


def test_only_the_person_who_asked_sees_it(ada: Looker, tmp_path: Path) -> None:
    """Not an administrator, nor who has nearly the same name; neither by the number of a plan, nor as a run
    of the internal DAG.
    """
    write_files(tmp_path, {"1": "unlisted"}, {"2": "two"})
    ada.become(IDA)
    question = asked(ada, "/collections/phones/preview")
    answered(ada.store, tmp_path, question)
    plan = ada.store.runs.job_results(PREVIEWS_DAG_ID, question.id)[0].plan_id
    mine = [
        f"/previews/{question.id}",
        f"/previews/{question.id}/jobs/copy",
        f"/plans/{plan}/changes/0",
        f"/api/v1/previews/{question.id}",
        f"/api/v1/plans/{plan}/changes",
        f"/api/v1/plans/{plan}/changes.csv",
        f"/api/v1/plans/{plan}/patterns",
    ]
    hidden = [
        f"/collections/{PREVIEWS_DAG_ID}",
        f"/api/v1/runs/{PREVIEWS_DAG_ID}/{question.id}",
    ]
    for path in mine:
        assert ada.client.get(f"/dirsync{path}").status_code == 200, path
    for path in hidden:
        assert ada.client.get(f"/dirsync{path}").status_code == 404, path
    tab = ada.get(f"/embed/ti?dag_id={PREVIEWS_DAG_ID}&run_id={question.id}&task_id=copy")
    assert "Nothing to show here" in tab
    others = (BORIS, Person("Ida", IDA.roles, verified=True), Person("ida", IDA.roles, verified=False))
    for person in others:
        ada.become(person)
        for path in (*mine, *hidden):
            answer = ada.client.get(f"/dirsync{path}")
            assert answer.status_code == 404, (person, path)
            assert "unlisted" not in answer.text
        for path in (f"/previews/{question.id}/cancel", f"/api/v1/previews/{question.id}/cancel"):
            assert ada.client.post(f"/dirsync{path}", headers=FORM).status_code == 404
        for path in ("/collections", "/search?q=unlisted", "/history", "/dashboard"):
            assert "directory_sync.previews" not in ada.get(path), path
            assert question.id not in ada.get(path), path
    ada.become(IDA, start=False)
    for path in mine:
        assert ada.client.get(f"/dirsync{path}").status_code == 404, path
    ada.become(IDA, hidden=frozenset({"phones"}))
    for path in mine:
        assert ada.client.get(f"/dirsync{path}").status_code == 404, path


def test_who_has_lost_a_role_sees_no_answer_that_was_read_by_it(ada: Looker, tmp_path: Path) -> None:
    """What was typed was judged by the roles of then; who may no longer edit, sees it no more either."""
    ada.become(Person("ada", frozenset({"Admin", "Payroll"}), verified=True))
    question = edit(ada, EDITED)
    ada.get(f"/previews/{question.id}")
    ada.become(Person("ada", frozenset({"Admin"}), verified=True))
    ada.get(f"/previews/{question.id}", status=404)
    ada.become(Person("ada", frozenset({"Admin", "Payroll", "More"}), verified=True))
    ada.get(f"/previews/{question.id}")
    ada.become(IDA)
    ada.post(f"/previews/{question.id}/cancel", status=404)
    ada.become(ADA)


def test_an_owner_who_is_one_no_longer_sees_nothing(ada: Looker) -> None:
    """The right to save has been taken after the question was asked."""
    ada.store.collections.save("phones", f"{definition()}owners: [owen]\n", expected=1, by=ADA)
    ada.become(OWEN)
    question = edit(ada, f"{EDITED}owners: [owen]\n")
    ada.get(f"/previews/{question.id}")
    ada.store.collections.save("phones", definition(), expected=2, by=ADA)
    ada.get(f"/previews/{question.id}", status=404)


def test_the_answer_shows_the_changes_as_a_request_does(ada: Looker, tmp_path: Path) -> None:
    """Patterns first, then each change with search and filter; each opens, and leads back."""
    write_files(tmp_path, {str(n): f"p{n}" for n in range(200)}, {"0": "old", "999": "gone"})
    text = definition(missing_at_source="delete", remove="all")
    question = edit(ada, text)
    answered(ada.store, tmp_path, question)
    page = text_of(ada.get(f"/previews/{question.id}"))
    assert "It is complete. Nothing was written." in page
    job_page = ada.get(f"/previews/{question.id}/jobs/copy")
    assert "Changes by pattern" in job_page
    assert "deleted" in text_of(job_page).lower()
    assert "Search in changes" in text_of(job_page)
    found = ada.get(f"/previews/{question.id}/jobs/copy?list=found&search=p77", part=True)
    assert "1 of 201 changes match" in text_of(found)
    assert "Show more" in job_page
    plan = ada.store.runs.job_results(PREVIEWS_DAG_ID, question.id)[0].plan_id
    alone = ada.get(f"/plans/{plan}/changes/0")
    assert f"/dirsync/previews/{question.id}/jobs/copy#changes" in alone
    assert ada.client.get(f"/dirsync/api/v1/plans/{plan}/changes.csv").text.count("\n") > 200
    ada.get(f"/previews/{question.id}/jobs/nope", status=404)


def test_what_the_edit_causes_is_shown_worst_first(ada: Looker, tmp_path: Path) -> None:
    """With counts that lead to the objects, and pages of them."""
    write_files(tmp_path, {str(n): f"p{n}" for n in range(130)}, {"0": "p0", "999": "gone"})
    question = edit(ada, EDITED)
    answered(ada.store, tmp_path, question)
    page = ada.get(f"/previews/{question.id}")
    assert "What the edit itself causes" in text_of(page)
    assert "makes a difference at 131 objects" in text_of(page)
    groups = re.findall(r'effects\?group=(\d)">([^<]*)<', page)
    assert groups == [
        ("1", "Delete, only with the edit"),
        ("2", "Update, only with the edit"),
        ("3", "Create, but differently"),
    ]
    path = f"/previews/{question.id}/jobs/copy/effects"
    first = ada.get(path)
    assert text_of(first).index("Only with the edit") < text_of(first).index("Differently with the edit")
    assert "After" not in first
    (more,) = re.findall(r'rel="next" href="/dirsync([^"]*)"', first)
    assert more == f"{path}?after=50"
    assert ada.get(f"{path}?group=3").count('class="change"') == 50
    assert ada.get(f"{path}?group=3&after=100").count('class="change"') == 29
    found = ada.get(f"{path}?search=P12")
    # p12 and p120 to p129, also of the saved version's changes; each is one object.
    assert "11 objects with P12" in text_of(found)
    assert found.count('class="change"') == 11
    assert "All of them" not in text_of(found)
    rest = ada.get(f"{path}?group=3&search=p1&limit=9")
    assert "group=3&amp;search=p1&amp;after=9" in rest
    last = ada.get(f"{path}?group=3&search=p1&limit=9&after=9")
    assert f'{path}?group=3&amp;search=p1"' in last
    before, after = (set(re.findall(r"\bp1\d+\b", text_of(each))) for each in (rest, last))
    assert (len(before), before & after) == (8, set()), (before, after)
    gone = text_of(ada.get(f"{path}?search=%3Cb%3E%25"))
    assert "0 objects with <b>%" in gone
    assert "No object has this text." in gone
    ada.get(f"{path}?search={'x' * 1_001}", status=422)
    ada.get(f"{path}?group=4", status=422)
    ada.get(f"{path}?after=-1", status=422)
    saved = ada.get(f"/previews/{question.id}/jobs/copy?saved=1")
    assert "by the saved version 1" in text_of(saved)
    found = ada.client.get(
        f"/dirsync/previews/{question.id}/jobs/copy?saved=1&list=found&action=create",
        headers={"hx-request": "true"},
    )
    assert found.headers["hx-replace-url"] == (
        f"/dirsync/previews/{question.id}/jobs/copy?saved=1&action=create#changes"
    )


def test_an_edit_without_effects_says_so(ada: Looker, tmp_path: Path) -> None:
    """Although both definitions would change objects."""
    write_files(tmp_path, {"1": "one"}, {})
    question = edit(ada, f"# why\n{definition()}")
    answered(ada.store, tmp_path, question)
    assert "would do the same as the saved version 1" in text_of(ada.get(f"/previews/{question.id}"))
    assert "Nothing" in text_of(ada.get(f"/previews/{question.id}/jobs/copy/effects"))


# -- how it stands -------------------------------------------------------------------------------------------


def _identity(question: Question) -> RunIdentity:
    return RunIdentity(question.run_id, "manual", question.asked_by)


def test_how_it_stands(ada: Looker) -> None:
    """Waiting, without a worker, switched off, not begun, being made, lost, cancelled: each with what to do,
    and followed only as long as something may come.
    """
    clock = Clock(ada.store)
    question = asked(ada, "/collections/phones/preview")
    path = f"/previews/{question.id}"

    def look(run: RunInAirflow) -> tuple[str, bool]:
        ada.become(ADA, run=run)
        page = ada.get(path)
        return text_of(page), 'class="stack-wide" data-live' in page

    there = RunInAirflow(True, _identity(question))
    for run, says in {
        there: "It waits for a worker.",
        RunInAirflow(True, _identity(question), paused=True): "is switched off in Airflow",
    }.items():
        text, live = look(run)
        assert says in text
        assert live
    for run in (RunInAirflow(True), RunInAirflow(True, _identity(question), over=True)):
        text, live = look(run)
        assert "has ended its run before a worker could take it" in text
        assert not live
    clock.advance(seconds=61)
    text, live = look(there)
    assert "No worker of Airflow has taken it for a minute." in text
    assert "directory-sync doctor" in text
    claim(ada.store, question)
    ada.store.previews.report(question.id, Progress("saved", "copy", 2, 3, "read source", 1_234))
    text, live = look(there)
    assert "Plan 2 of 3: job copy by the saved version, reading the source, 1,234." in text
    assert live
    text, live = look(RunInAirflow(True, _identity(question), over=True))
    assert "The worker that made it is gone" in text
    assert not live
    ada.become(ADA, run=there)
    assert ada.post(f"{path}/cancel") == f"/dirsync{path}"
    assert "It was cancelled. Nothing was written." in text_of(ada.get(path))
    assert 'class="stack-wide" data-live' not in ada.get(path)
    assert "Preview again" in ada.get(path)


def test_a_newer_version_is_told(ada: Looker) -> None:
    """The answer is about what was asked."""
    question = asked(ada, "/collections/phones/preview")
    ada.store.collections.save("phones", definition(title="New"), expected=1, by=ADA)
    assert "version 2 is the newest one" in text_of(ada.get(f"/previews/{question.id}"))


def test_why_it_failed_is_told(ada: Looker) -> None:
    """Harmlessly."""
    question = claim(ada.store, asked(ada, "/collections/phones/preview"))
    ada.store.previews.finish(question.id, PreviewState.FAILED, "<b>phones:3</b>: no\u202e such key")
    page = ada.get(f"/previews/{question.id}")
    assert "<b>" not in page
    assert "It could not be made" in text_of(page)


def test_it_is_gone_after_a_day(ada: Looker) -> None:
    """Also before the maintenance comes by."""
    clock = Clock(ada.store)
    question = asked(ada, "/collections/phones/preview")
    clock.at += timedelta(days=1)
    ada.get(f"/previews/{question.id}", status=404)
