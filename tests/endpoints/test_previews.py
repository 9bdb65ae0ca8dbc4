"""Questions what a definition would do, and their answers: asked once, answered once, gone after a day."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import ldap
import pytest
import yaml
from sqlalchemy import func, select

from directory_sync.approval.people import Person
from directory_sync.errors import DefinitionError, PreviewError, UnsupportedError
from directory_sync.own_dags import PREVIEWS_DAG_ID
from directory_sync.plan.planning import Stage
from directory_sync.rights.connection_rules import ConnectionRules
from directory_sync.run import preview_answer
from directory_sync.run.deployment import Deployment
from directory_sync.run.preview_answer import NoLongerAsked, answer
from directory_sync.store import previews
from directory_sync.store.preview_model import PreviewState, Progress, Question, QuestionKind, Side, run_id_of
from directory_sync.store.store import Store
from directory_sync.store.tables import Base, PreviewRow
from tests.scenarios.clock import Clock
from tests.scenarios.corner import FIELDS, PERSON, Corner
from tests.scenarios.previewed import (
    ADA,
    NO_LIMITS,
    answered,
    ask,
    claim,
    definition,
    deployment,
    job,
    write_files,
)

IDA = Person("ida", frozenset({"Op"}), verified=True)


def rows_of(store: Store) -> dict[str, int]:
    """Table → how many rows it has; without those that have none."""
    counts = {}
    with store._database.read() as connection:
        for table in Base.metadata.sorted_tables:
            number = connection.execute(select(func.count()).select_from(table)).scalar_one()
            if number:
                counts[table.name.removeprefix("directory_sync_")] = number
    return counts


def save(store: Store, text: str, *, name: str = "phones", expected: int = 0, by: Person = ADA) -> int:
    """Save a version; its number."""
    return store.collections.save(name, text, expected=expected, by=by).number


def got(store: Store, question: Question) -> Question:
    found = store.previews.get(question.id)
    assert found is not None
    return found


# -- once, by the right run, in time -------------------------------------------------------------------------


def test_a_question_is_answered_once(store: Store) -> None:
    """By the run that was started for it, which the person has started who has asked; a second one, and one
    that is tried again, get nothing.
    """
    question = ask(store, definition())
    assert (question.state, question.version) == (PreviewState.ASKED, None)
    wrong: list[dict[str, Any]] = [
        {"run_id": "manual__by_hand", "by": "ada"},
        {"run_id": question.run_id, "by": "ida"},
        {"run_id": question.run_id, "by": None},
        {"run_id": question.run_id, "by": "Ada"},
    ]
    for given in wrong:
        with pytest.raises(PreviewError, match="no question that this run may answer"):
            store.previews.claim(question.id, **given)
    for id in ("", "x", question.id.upper() + "\n", "0" * 32, "\x00" * 32, "a" * 10_000):
        with pytest.raises(PreviewError):
            store.previews.claim(id, run_id=question.run_id, by="ada")
        assert store.previews.get(id) is None
    assert claim(store, question).state is PreviewState.RUNNING
    with pytest.raises(PreviewError):
        claim(store, question)


def test_of_two_runs_at_the_same_moment_one_gets_it(store: Store) -> None:
    """It is taken in one step."""
    question = ask(store, definition())
    taken: list[bool] = []

    def take() -> None:
        try:
            claim(store, question)
        except PreviewError:
            taken.append(False)
        else:
            taken.append(True)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 7 + [True]


def test_it_waits_for_minutes_only(store: Store, clock: Clock) -> None:
    """A worker that comes later finds nothing; the person is told."""
    question = ask(store, definition())
    clock.advance(minutes=10, seconds=1)
    assert got(store, question).state is PreviewState.EXPIRED
    with pytest.raises(PreviewError):
        claim(store, question)


def test_a_person_asks_few_at_a_time(store: Store, clock: Clock) -> None:
    """Those that have ended, or that no worker took in time, do not count; other people's neither."""
    asked = [ask(store, definition()) for _ in range(previews.MOST_OPEN)]
    with pytest.raises(PreviewError, match="under way"):
        ask(store, definition())
    ask(store, definition(), person=IDA)
    claim(store, asked[0])
    store.previews.finish(asked[0].id, PreviewState.DONE)
    ask(store, definition())
    clock.advance(minutes=10, seconds=1)
    ask(store, definition())


def test_a_person_asks_few_at_the_same_moment_too(store: Store) -> None:
    """Of many questions at once no more are taken than one after another."""

    def try_to_ask(_number: int) -> bool:
        try:
            ask(store, definition())
        except PreviewError:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(try_to_ask, range(12))) == previews.MOST_OPEN


def test_the_first_end_stands(store: Store) -> None:
    """A preview that was cancelled is not done a moment later."""
    question = claim(store, ask(store, definition()))
    assert store.previews.finish(question.id, PreviewState.CANCELLED)
    assert not store.previews.finish(question.id, PreviewState.DONE)
    assert not store.previews.report(question.id, Progress("asked", "copy", 1, 1, "compare", 1))
    assert got(store, question).state is PreviewState.CANCELLED


# -- answers -------------------------------------------------------------------------------------------------


def test_nothing_is_there_but_the_answer(store: Store, tmp_path: Path) -> None:
    """Nothing is written, learnt, asked for or told, no name is taken; a day later nothing is left at all."""
    write_files(tmp_path, {"1": "one", "2": "two"}, {"3": "three"})
    save(store, definition(missing_at_source="delete", remove="all"))
    before = rows_of(store)
    text = definition(missing_at_source="delete", remove="all", phone={"template": "{{ phone }}!"})
    done = answered(store, tmp_path, ask(store, text))
    assert done.state is PreviewState.DONE
    assert (tmp_path / "out.csv").read_text() == "id,phone\n3,three\n"
    after = rows_of(store)
    assert after.keys() - before.keys() == {
        "preview", "preview_effects", "collection_run", "job_run", "plan", "plan_patterns", "change",
        "definition",
    }  # fmt: skip
    assert not store.runs.still_open(older_than=timedelta(0))
    assert store.previews.forget() == 0
    assert store.previews.forget(older_than=timedelta(0)) == 1
    assert rows_of(store) == before


def test_what_the_edit_itself_causes(store: Store, tmp_path: Path) -> None:
    """Not what the saved version would do anyway."""
    write_files(tmp_path, {"1": "one", "2": "two", "3": "three"}, {"2": "zwei", "3": "three", "4": "four"})
    save(store, definition())
    text = definition(missing_at_source="delete", remove="all", phone={"template": "{{ phone }}!"})
    done = answered(store, tmp_path, ask(store, text))
    found = store.previews.effects(done.id)["copy"]
    assert [group.to_json() for group in found.effects.groups] == [
        {"old": None, "new": "delete", "number": 1},
        {"old": None, "new": "update", "number": 1},
        {"old": "update", "new": "update", "number": 1},
        {"old": "create", "new": "create", "number": 1},
    ]
    runs = {side: run_id_of(done.id, side) for side in Side}
    plans = {side: store.runs.job_results(PREVIEWS_DAG_ID, run)[0].plan_id for side, run in runs.items()}
    assert (found.old_plan, found.new_plan) == (plans[Side.SAVED], plans[Side.ASKED])
    assert store.plan_patterns.of(found.new_plan or 0) is not None


def test_an_edit_that_changes_nothing_causes_nothing(store: Store, tmp_path: Path) -> None:
    """Although both definitions would change objects."""
    write_files(tmp_path, {"1": "one"}, {})
    save(store, definition())
    done = answered(store, tmp_path, ask(store, f"# a comment\n{definition()}"))
    assert store.previews.effects(done.id)["copy"].effects.groups == ()


def test_jobs_that_only_one_of_the_two_has(store: Store, tmp_path: Path) -> None:
    """All that the one would do is caused by the edit, or no longer done; a renamed job is both."""
    write_files(tmp_path, {"1": "one"}, {})
    save(store, definition())
    done = answered(store, tmp_path, ask(store, definition(jobs=[job("other")])))
    effects = store.previews.effects(done.id)
    assert [group.to_json() for group in effects["other"].effects.groups] == [
        {"old": None, "new": "create", "number": 1}
    ]
    assert [group.to_json() for group in effects["copy"].effects.groups] == [
        {"old": "create", "new": None, "number": 1}
    ]


def test_later_jobs_are_planned_on_top_of_earlier_ones(store: Store, tmp_path: Path) -> None:
    """On each side upon its own; by its name a single job is planned, also one that is not enabled."""
    write_files(tmp_path, {"1": "one"}, {})
    jobs = [job("first"), job("second", enabled=False)]
    done = answered(store, tmp_path, ask(store, definition(jobs=jobs)))
    assert [each.job for each in store.runs.job_results(PREVIEWS_DAG_ID, done.id)] == ["first"]
    done = answered(store, tmp_path, ask(store, definition(jobs=jobs), jobs=["second"]))
    assert [each.job for each in store.runs.job_results(PREVIEWS_DAG_ID, done.id)] == ["second"]


def test_what_goes_wrong_with_one_job_is_part_of_the_answer(store: Store, tmp_path: Path) -> None:
    """With its cause; the other jobs are planned, and nothing is compared at the one."""
    write_files(tmp_path, {"1": "one"}, {})
    save(store, definition())
    jobs = [job(source={"file": "missing.csv"}), job("fine")]
    done = answered(store, tmp_path, ask(store, definition(jobs=jobs)))
    states = {each.job: each.state for each in store.runs.job_results(PREVIEWS_DAG_ID, done.id)}
    assert states == {"copy": "failed", "fine": "previewed"}
    assert set(store.previews.effects(done.id)) == {"fine"}


def test_a_definition_that_cannot_be_used_reads_nothing(store: Store, tmp_path: Path) -> None:
    """A worker looks at it again: it may have other templates than the server."""
    for text, error in (("name: phones\njobs: 3\n", DefinitionError), (definition(jobs=[job(enabled=False)]),
                                                                      PreviewError)):  # fmt: skip
        claimed = claim(store, ask(store, text))
        with pytest.raises(error):
            answer(store, claimed, deployment(tmp_path), progress=lambda stage, done, total: None)
        assert "change" not in rows_of(store)
        store.previews.finish(claimed.id, PreviewState.FAILED)


def test_functions_that_are_not_allowed_are_not_called(store: Store, tmp_path: Path) -> None:
    """A definition that names one can be saved, but neither run nor previewed."""
    write_files(tmp_path, {"1": "one"}, {})
    claimed = claim(store, ask(store, definition(phone={"script": "os.getcwd"})))
    with pytest.raises(UnsupportedError, match="script_modules"):
        answer(store, claimed, deployment(tmp_path), progress=lambda stage, done, total: None)


@pytest.mark.parametrize("what", ["deleted", "made again", "renamed", "another by its name"])
def test_a_collection_that_is_gone_meanwhile_is_not_read(store: Store, tmp_path: Path, what: str) -> None:
    """The right to read what it reads has gone with it, whatever has its name now."""
    write_files(tmp_path, {"1": "one"}, {})
    save(store, definition())
    claimed = claim(store, ask(store, definition(), kind=QuestionKind.SAVED))
    if what in ("deleted", "made again"):
        store.collections.delete("phones", expected=1, by=ADA)
    else:
        store.collections.rename("phones", "desk", definition("desk"), expected=1, by=ADA)
    if what in ("made again", "another by its name"):
        save(store, definition(phone={"static": "7"}), by=IDA)
    with pytest.raises(PreviewError, match="was deleted or renamed"):
        answer(store, claimed, deployment(tmp_path), progress=lambda stage, done, total: None)
    assert "change" not in rows_of(store)


def test_what_is_only_previewed_says_nothing_of_other_collections(store: Store, tmp_path: Path) -> None:
    """A field that a typed text marks as secret is none to the runs of others, which would keep no values of
    it before they delete.
    """
    write_files(tmp_path, {"1": "one"}, {})
    claimed = claim(store, ask(store, definition(phone={"from": "phone", "secret": True})))
    with pytest.raises(UnsupportedError):
        answer(store, claimed, deployment(tmp_path), progress=lambda stage, done, total: None)
    assert store.runs.find(PREVIEWS_DAG_ID, claimed.id) is not None
    assert list(store.earlier_runs.newest_definitions()) == []


def test_what_was_saved_meanwhile_does_not_change_the_question(store: Store, tmp_path: Path) -> None:
    """The answer is about what was asked."""
    write_files(tmp_path, {"1": "one"}, {})
    save(store, definition())
    question = ask(store, definition(), kind=QuestionKind.SAVED)
    save(store, definition(phone={"static": "7"}), expected=1)
    done = answered(store, tmp_path, question)
    (result,) = store.runs.job_results(PREVIEWS_DAG_ID, done.id)
    (planned,) = store.plans.load(result.plan_id or 0).plan.changes
    assert {field.field: field.new for field in planned.fields}["phone"] == (b"one",)


@pytest.mark.parametrize("kind", [QuestionKind.TEXT, QuestionKind.SAVED])
def test_the_rules_of_now_count_for_the_roles_of_then(
    store: Store, tmp_path: Path, kind: QuestionKind
) -> None:
    """Of the person who asks, for what they have typed; of the person who saved, for what is saved."""
    write_files(tmp_path, {"1": "one"}, {})
    save(store, definition(), by=IDA)
    side = {"roles": ["Op"]}
    rules = ConnectionRules.model_validate({"data_folder": {"source": side, "destination": side}})
    given = {"connection_rules": rules, "administrators": ("Root",)}
    done = answered(store, tmp_path, ask(store, definition(), kind=kind), **given)
    (result,) = store.runs.job_results(PREVIEWS_DAG_ID, done.id)
    assert result.state == ("failed" if kind is QuestionKind.TEXT else "previewed")
    if kind is QuestionKind.TEXT:
        assert "Admin" in result.message or "Op" in result.message
        assert result.plan_id is None
        done = answered(store, tmp_path, ask(store, definition(), kind=kind, person=IDA), **given)
        (result,) = store.runs.job_results(PREVIEWS_DAG_ID, done.id)
        assert result.state == "previewed"


def test_a_cancelled_preview_is_broken_off(store: Store, tmp_path: Path) -> None:
    """In the middle of a plan, at the next sign of life."""
    write_files(tmp_path, {str(n): str(n) for n in range(5_000)}, {})
    before = rows_of(store)
    claimed = claim(store, ask(store, definition(jobs=[job("one"), job("two"), job("three")])))
    seen: list[Stage] = []

    def cancel(stage: Stage, done: int, total: int | None) -> None:
        seen.append(stage)
        store.previews.finish(claimed.id, PreviewState.CANCELLED)

    with pytest.raises(NoLongerAsked):
        answer(store, claimed, deployment(tmp_path), progress=cancel)
    assert len(store.runs.job_results(PREVIEWS_DAG_ID, claimed.id)) == 1
    assert seen
    assert store.previews.forget(older_than=timedelta(0)) == 1
    assert rows_of(store) == before


def test_nothing_is_stored_for_a_question_that_was_deleted(store: Store, tmp_path: Path) -> None:
    """A worker that was held up for more than a day: no one would ever delete it."""
    write_files(tmp_path, {"1": "one"}, {})
    before = rows_of(store)
    claimed = claim(store, ask(store, definition()))
    assert store.previews.forget(older_than=timedelta(0)) == 1
    with pytest.raises(PreviewError, match="No one waits"):
        answer(store, claimed, deployment(tmp_path), progress=lambda stage, done, total: None)
    assert rows_of(store) == before


def test_how_far_it_is_can_be_seen(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which plan of how many, which job, whose; once a second at most."""
    monkeypatch.setattr(preview_answer, "_REPORT_EVERY", 0.0)
    write_files(tmp_path, {"1": "one"}, {})
    save(store, definition())
    seen: list[Progress] = []
    report = store.previews.report

    def note(id: str, progress: Progress | None = None) -> bool:
        kept = report(id, progress)
        if progress is not None:
            found = store.previews.get(id)
            assert found is not None
            assert found.progress == progress
            seen.append(progress)
        return kept

    monkeypatch.setattr(store.previews, "report", note)
    answered(store, tmp_path, ask(store, definition(jobs=[job(), job("new")])))
    assert {(each.side, each.job, each.number, each.jobs) for each in seen} == {
        ("asked", "copy", 1, 3),
        ("saved", "copy", 2, 3),
        ("asked", "new", 3, 3),
    }


def test_answers_are_deleted_also_if_that_is_broken_off(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next time goes on; other plans stay."""
    write_files(tmp_path, {str(n): str(n) for n in range(50)}, {})
    monkeypatch.setattr(previews, "_DELETE_BATCH", 10)
    other = answered(store, tmp_path, ask(store, definition(), person=IDA))
    before = rows_of(store)
    done = answered(store, tmp_path, ask(store, definition()))
    (result,) = store.runs.job_results(PREVIEWS_DAG_ID, done.id)
    forget, calls = store.previews._database.write, iter(range(100))

    def break_off() -> Any:
        if next(calls) == 5:
            raise RuntimeError("killed")
        return forget()

    with monkeypatch.context() as killed:
        killed.setattr(store.previews._database, "write", break_off)
        with pytest.raises(RuntimeError):
            store.previews._forget(done.id)
    with pytest.raises(Exception, match="no plan"):
        store.plans.load(result.plan_id or 0)
    store.previews._forget(done.id)
    assert rows_of(store) == before
    assert store.previews.get(other.id) is not None


def test_an_answer_is_seen_for_a_day(store: Store, clock: Clock) -> None:
    """Also before the maintenance has deleted it."""
    question = ask(store, definition())
    clock.advance(hours=23, minutes=59)
    assert store.previews.get(question.id) is not None
    clock.advance(minutes=2)
    assert store.previews.get(question.id) is None
    assert store.previews.forget() == 1
    with store._database.read() as connection:
        assert connection.execute(select(func.count()).select_from(PreviewRow)).scalar_one() == 0


# -- directories ---------------------------------------------------------------------------------------------


def _people(corner: Corner, **job: Any) -> str:
    """A definition that copies people from one container of a real directory to the other."""
    sides = {
        name: {
            "connection": name,
            "container": f"ou={ou},{corner.container.dn}",
            "filter": f"(objectClass={PERSON})",
        }
        for name, ou in (("source", "from"), ("destination", "to"))
    }
    fields = {**FIELDS, **job.pop("fields", {})}
    one = {"name": "people", "object": PERSON, "rdn": "uid", **sides, "fields": fields, **job}
    return yaml.safe_dump({"name": "phones", "limits": NO_LIMITS, "jobs": [one]}, sort_keys=False)


def _answer(corner: Corner, question: Question) -> None:
    surroundings = Deployment(connections=corner, data_folder=corner.folder)
    claimed = claim(corner.store, question)
    state = answer(corner.store, claimed, surroundings, progress=lambda stage, done, total: None)
    corner.store.previews.finish(claimed.id, state)


@pytest.mark.parametrize("shares", [True, False])
def test_both_plans_are_made_of_one_listing(
    corner: Corner, monkeypatch: pytest.MonkeyPatch, shares: bool
) -> None:
    """Where both definitions name the same place: what changes there in between is no effect of the edit.
    Where they do not, it shows, and is told.
    """
    for number in range(120):  # several pages
        corner.container.add(f"uid=user{number},ou=from", cn=f"User {number}", description="staff")
    save(corner.store, _people(corner))
    plan = preview_answer.preview_job

    def plan_and_disturb(*given: Any, **more: Any) -> Any:
        result = plan(*given, **more)
        with contextlib.suppress(ldap.ALREADY_EXISTS):
            corner.container.add("uid=meanwhile,ou=from", cn="Meanwhile")
            corner.container.add("uid=former,ou=to", cn="Former")
        return result

    monkeypatch.setattr(preview_answer, "preview_job", plan_and_disturb)
    more: dict[str, Any] = {"fields": {"description": "description"}}
    if not shares:
        filter = f"(&(objectClass={PERSON})(uid=*))"
        more["source"] = {
            "connection": "source",
            "container": f"ou=from,{corner.container.dn}",
            "filter": filter,
        }
    question = ask(corner.store, _people(corner, **more))
    _answer(corner, question)
    found = corner.store.previews.effects(question.id)["people"]
    groups = [group.to_json() for group in found.effects.groups]
    differently = {"old": "create", "new": "create", "number": 120}
    assert found.same_listing is shares
    assert groups == ([differently] if shares else [differently, {"old": "create", "new": None, "number": 1}])
    assert corner.store.plan_patterns.of(found.new_plan or 0) is not None


def test_what_is_asked_about_makes_nothing_secret(store: Store, tmp_path: Path) -> None:
    """Else what is kept of objects before they are deleted would lack it, for a question."""
    write_files(tmp_path, {"a": "1"}, {})
    text = definition(jobs=[job(), job("later", enabled=False, phone={"from": "phone", "secret": True})])
    question = claim(store, ask(store, text))
    assert answer(store, question, deployment(tmp_path), progress=lambda *_: None) is PreviewState.DONE
    assert list(store.earlier_runs.newest_definitions()) == []
