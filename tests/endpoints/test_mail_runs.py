"""Who hears of a run, when, and once: on a real store with a clock that is set."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from directory_sync.errors import MailError
from directory_sync.mail.addresses import Addresses
from directory_sync.plan.model import RecordProblem, Statistics
from directory_sync.store.runs import BROKE_OFF
from directory_sync.store.store import Store
from tests.scenarios.clock import Clock
from tests.scenarios.mail import DOWN, Box, send, text_of
from tests.scenarios.plans import creations, plan
from tests.scenarios.ready_python import ReadyPython
from tests.scenarios.requests import decide
from tests.scenarios.told_runs import ToldRun, telling

IT = "it@corp.example"


def waiting(store: Store) -> int:
    """How much is in the outbox."""
    with store._database.read() as connection:
        return int(connection.execute(text("SELECT count(*) FROM directory_sync_outbox")).scalar_one())


def about_runs(box: Box) -> list[str]:
    """The subjects of what those named in the definition got since the last time."""
    return [message["Subject"] for to, message in box.take() if to == IT]


# -- who, and about what -------------------------------------------------------------------------------------


def test_a_run_is_told_when_it_is_closed(store: Store) -> None:
    """To addresses, owners, users and roles; one mail each, with links to the run and its logs."""
    to = [IT, "owners", {"users": ["bob", "ida"], "roles": ["Heads"]}]
    run = ToldRun(store, telling(to=to, owners=["ida"]))
    run.end_job(read=9, created=2)
    box = Box()
    send(store, box)
    assert box.mails == [], "it goes on"
    run.close()
    send(store, box)
    addresses = [IT, "ida@corp.example", "bob@corp.example", "heads@corp.example"]
    assert [to for to, _ in box.mails] == addresses
    page = "https://airflow.example/dags/crew/runs/scheduled__2026-11-20T08:00:00+00:00"
    for _, message in box.take():
        assert message["Subject"] == "Succeeded: crew: 2 creations"
        for kind in ("plain", "html"):
            assert f"{page}/plugin/dirsync_run" in text_of(message, kind)
    send(store, box)
    assert box.mails == []
    assert waiting(store) == 0


@pytest.mark.parametrize(
    ("when", "state", "figures", "told"),
    [
        ("always", "success", {}, True),
        ("records_updated", "success", {"read": 9, "unchanged": 9}, False),
        ("records_updated", "success", {"updated": 1}, True),
        ("records_updated", "failed", {"updated": 1}, True),
        ("errors", "success", {"updated": 1}, False),
        ("errors", "success_with_errors", {"errors": 1}, True),
        ("errors", "conflicts", {"conflicts": 1}, True),
        ("errors", "failed", {}, True),
        ("failure", "success_with_errors", {"errors": 1}, False),
        ("failure", "stopped_by_limit", {}, True),
        ("failure", "incomplete_source", {}, True),
    ],
)
def test_each_trigger_lets_its_runs_through(
    store: Store, when: str, state: str, figures: dict[str, int], told: bool
) -> None:
    """All others are told to no one, and nothing is left of them."""
    run = ToldRun(store, telling(when))
    run.end_job(state, **figures)
    run.close("failed" if state in {"failed", "stopped_by_limit", "incomplete_source"} else state)
    box = Box()
    send(store, box)
    assert bool(box.mails) is told
    assert waiting(store) == 0


def test_previews_and_collections_that_tell_no_one_are_not_mailed(store: Store) -> None:
    """Nothing even enters the outbox."""
    preview = ToldRun(store, preview_only=True)
    preview.end_job("previewed", created=5)
    preview.close("previewed")
    quiet = ToldRun(store, telling().model_copy(update={"notifications": None}), run_id="quiet")
    quiet.end_job(created=5)
    quiet.close()
    assert waiting(store) == 0


def test_runs_from_a_terminal_are_told_too(store: Store) -> None:
    """What was written matters, however the run was started; there is no page in Airflow to link to."""
    run = ToldRun(store, trigger="terminal", run_id="terminal__1")
    run.end_job(deleted=1)
    run.close()
    box = Box()
    send(store, box)
    [(_, message)] = box.mails
    assert "ida, in a terminal" in text_of(message)
    assert "https://airflow.example/dags" not in text_of(message) + text_of(message, "html")


def test_who_has_no_address_is_in_the_log(store: Store) -> None:
    """A run has no history: what is said there of requests is a problem of the delivery here."""
    run = ToldRun(store, telling(to=[{"roles": ["Nameless"]}, IT]))
    run.close()
    box = Box()
    [problem] = send(store, box).problems
    assert "role Nameless" in problem
    assert "role_addresses" in problem
    assert len(box.mails) == 1


def test_no_mail_goes_to_other_domains(store: Store) -> None:
    """Who edits a collection could have what it reads sent to anywhere."""
    run = ToldRun(store, telling(to=["me@evil.example", IT]))
    run.close()
    box = Box()
    [problem] = send(store, box, addresses=Addresses(domains={"corp.example"})).problems
    assert "me@evil.example" in problem
    assert "notification_domains" in problem
    assert [to for to, _ in box.mails] == [IT]


# -- what waits ----------------------------------------------------------------------------------------------


def test_what_is_done_is_told_while_something_waits(store: Store) -> None:
    """And again when the run has ended: both mails are true when they are sent."""
    run = ToldRun(store, telling(jobs=["people", "groups"]))
    request = run.wait()
    run.end_job(job="groups", updated=3)
    assert store.run_ends.tell_waiting(run.snapshot.id)
    box = Box()
    send(store, box)
    [first] = [message for to, message in box.take() if to == IT]
    assert first["Subject"] == "Waiting for approval: crew: 3 updates"
    for part in (f"request {request}", f"/requests/{request}", "2 creations", "Another mail follows"):
        assert part in text_of(first)
    decide(store, request, "bea")
    store.approvals.mark_applied(request, {"state": "success", "statistics": {"created": 2}})
    run.end_job(created=2)
    run.close()
    send(store, box)
    [second] = [message for to, message in box.take() if to == IT]
    assert second["Subject"] == "Succeeded: crew: 3 updates, 2 creations"
    assert "Another mail" not in text_of(second)
    assert second["References"] == first["References"]
    assert second["Message-ID"] != first["Message-ID"]


def test_nothing_is_told_of_waiting_where_nothing_waits(store: Store) -> None:
    """Nor where the run was closed in the meantime: its end says more."""
    run = ToldRun(store)
    run.end_job()
    assert not store.run_ends.tell_waiting(run.snapshot.id)
    other = ToldRun(store, run_id="other")
    request = other.wait()
    assert store.run_ends.tell_waiting(other.snapshot.id)
    decide(store, request, "bea", approve=False)
    other.close("denied")
    box = Box()
    send(store, box)
    assert about_runs(box) == ["Denied: crew"]


@pytest.mark.parametrize(("approve", "subject"), [(False, "Denied: crew"), (None, "Cancelled: crew")])
def test_a_run_that_has_ended_waiting_is_told_again(store: Store, approve: bool | None, subject: str) -> None:
    """As one from a terminal, whose request is decided later."""
    run = ToldRun(store, trigger="terminal")
    request = run.wait()
    run.close("waiting")
    box = Box()
    send(store, box)
    assert about_runs(box) == ["Waiting for approval: crew"]
    if approve is None:
        store.decisions.cancel(request, "ida")
    else:
        decide(store, request, "bea", approve=approve)
    send(store, box)
    assert about_runs(box) == [subject]


def test_a_newer_plan_does_not_tell_of_the_older_run(store: Store) -> None:
    """The newer run does: with a frequent schedule, two mails each time would be too many."""
    run = ToldRun(store, trigger="terminal")
    run.wait()
    run.close("waiting")
    box = Box()
    send(store, box)
    box.take()
    newer = ToldRun(store, trigger="terminal", run_id="newer")
    newer.wait(count=5)
    send(store, box)
    assert about_runs(box) == []


# -- once ----------------------------------------------------------------------------------------------------


def test_an_end_that_is_noted_again_is_told_once(store: Store) -> None:
    """A retry of the task that closes the run, before and after the mail was sent."""
    run = ToldRun(store)
    run.end_job(created=1)
    box = Box()
    for _ in range(2):
        run.close("success", people="success")
        run.close("success", people="success")
        send(store, box)
    assert about_runs(box) == ["Succeeded: crew: 1 creation"]


def test_a_run_that_is_run_again_is_told_again(store: Store) -> None:
    """A cleared job ends otherwise; if the first mail could not be sent yet, the newest replaces it."""
    run = ToldRun(store)
    run.end_job("failed", message="The server is away.")
    run.close("failed")
    box = Box(lambda to: DOWN)
    send(store, box)
    box.problem = lambda to: None
    run.end_job(created=1)
    run.close()
    send(store, box)
    assert about_runs(box) == ["Succeeded: crew: 1 creation"]


def test_nothing_is_told_of_an_end_that_was_not_recorded(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are one transaction."""
    run = ToldRun(store)
    run.end_job()

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("directory_sync.store.run_telling.queue_mail", fail)
        with pytest.raises(RuntimeError):
            run.close()
    assert store.runs.recent("crew")[0].state == "running"
    assert waiting(store) == 0


def test_a_server_that_is_down_delays_the_mail(store: Store, clock: Clock) -> None:
    """It is sent once when the server is back; who was reached before is not told twice."""
    run = ToldRun(store, telling(to=["a@x.org", "b@x.org", "c@x.org"]))
    run.close()
    later = MailError("The mail server refuses the address: 451 later.")
    box = Box(lambda to: later if to == "b@x.org" else None)
    send(store, box)
    assert [to for to, _ in box.take()] == ["a@x.org", "c@x.org"]
    box.problem = lambda to: DOWN
    for _ in range(5):
        clock.advance(hours=6)
        send(store, box)
    box.problem = lambda to: None
    clock.advance(hours=6)
    send(store, box)
    assert [to for to, _ in box.take()] == ["b@x.org"]
    assert waiting(store) == 0


@pytest.mark.parametrize("closes", [True, False])
def test_a_sender_that_is_killed_between_the_answer_and_its_record_may_repeat(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch, closes: bool
) -> None:
    """The same message, so that it is recognised; not a new one, and none is lost."""
    run = ToldRun(store)
    run.close()
    box = Box()

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store.outbox, "end_mail", killed)
        with pytest.raises(KeyboardInterrupt):
            send(store, box)
    if closes:
        run.close()  # the task is tried again
    for _ in range(10):
        clock.advance(minutes=1)
        send(store, box)
    first, second = (message["Message-ID"] for _, message in box.mails)
    assert first == second
    assert waiting(store) == 0


def test_a_killed_process_is_taken_over(store: Store, store_url: str) -> None:
    """A real one, by SIGKILL, while the server takes the second of three mails its time."""
    people = [f"{name}@x.org" for name in ("a", "b", "c")]
    ToldRun(store, telling(to=people)).close()
    command = ["-m", "tests.scenarios.mail", store_url, "b@x.org"]
    process = ReadyPython(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()
    sent = [process.stdout.readline().strip()]
    assert process.stdout.readline() == "waiting for b@x.org\n"
    process.kill()
    process.communicate()
    box = Box()
    Clock(store, store.now() + timedelta(seconds=60))
    send(store, box)
    assert [*sent, *(to for to, _ in box.take())] == people


# -- what it says --------------------------------------------------------------------------------------------


def test_errors_are_told_with_their_causes(store: Store) -> None:
    """Records that could not be read, objects that could not be written: counted, the first ones named."""
    run = ToldRun(store)
    attempt = store.runs.start_job(run.snapshot.id, "people")
    made = store.plans.save(attempt.id, plan(creations(30)))
    store.plans.start_applying(made)
    outcomes = [Outcome(place, Result.FAILED, "The server refuses it: no quota.") for place in range(25)]
    outcomes += [Outcome(place, Result.CONFLICT, "It has another sn.") for place in range(25, 28)]
    outcomes += [Outcome(place, Result.DONE, "") for place in range(28, 30)]
    store.plans.record_outcomes(made, outcomes)
    store.runs.finish_job(
        attempt.id,
        "success_with_errors",
        statistics=plan(()).statistics.__class__(read=40, created=2, errors=26, conflicts=3),
        problems=[RecordProblem("fry", "line 3", "no surname")],
        message="Done, but 26 records could not be processed.",
    )
    run.close("success_with_errors")
    box = Box()
    send(store, box)
    [(_, message)] = box.mails
    assert message["Subject"] == "With errors: crew: 2 creations, 26 errors, 3 conflicts"
    for kind in ("plain", "html"):
        body = text_of(message, kind)
        for part in ("25 × ", "no quota", "and 22 more", "person 0", "3 × conflict: ", "1 × ", "line 3"):
            assert part in body
        assert body.index("no quota") < body.index("no surname") < body.index("another sn")
        assert "person 3," not in body


def test_what_was_planned_is_told_by_pattern(store: Store) -> None:
    """A few lines for each job, without values or names; no job begins after forty lines."""
    jobs = [f"job{number}" for number in range(20)]
    run = ToldRun(store, telling(jobs=jobs))
    fields = [f"field{number}" for number in range(12)]
    changes = [
        Change(Action.UPDATE, name, f"cn={name},dc=x", fields=(FieldChange(name, (b"Lrrr",), (b"Ndnd",)),))
        for name in fields
    ]
    for job in jobs:
        attempt = store.runs.start_job(run.snapshot.id, job)
        store.plans.save(attempt.id, plan(changes, job=job))
        store.runs.finish_job(attempt.id, "success", statistics=Statistics(updated=12))
    run.close()
    box = Box()
    send(store, box)
    [(_, message)] = box.mails
    for kind in ("plain", "html"):
        body = text_of(message, kind)
        assert body.count("what was planned, by pattern") == 4
        assert body.count("field0 replaced, 1 ") == 4
        assert body.count("… and 2 more lines") == 4
        for value in ("Lrrr", "Ndnd", "dc=x"):
            assert value not in body


def test_ten_thousand_errors_and_a_hundred_jobs_make_a_short_mail(store: Store) -> None:
    """Bounded, with the jobs that need a look; hostile names stay text, on one line."""
    jobs = [f"job{number}" for number in range(100)]
    run = ToldRun(store, telling(jobs=jobs, title="<b>Crew</b>\r\nBcc: x@y.org \u202e Ünïcode"))
    for job in jobs[:90]:
        run.end_job(job=job, read=1, unchanged=1)
    evil = "<script>alert(1)</script>\r\n.\r\n\x1b[2J"
    problems = [RecordProblem(f"k{n}", f"{evil}{n}" * 20, f"{evil} {n}" * 50) for n in range(10_000)]
    run.end_job("failed", "job95", problems=problems, errors=10_000, message=evil * 500)
    run.close("failed")
    box = Box()
    assert send(store, box).warnings == []
    [(_, message)] = box.mails
    body, html = text_of(message), text_of(message, "html")
    assert "10,000" in body
    assert "job95" in body
    assert "and 60 more" in body
    assert "and other causes" in body
    assert len(body) < 40_000
    assert len(html) < 150_000
    assert "<script" not in html
    assert "\x1b" not in body + html
    assert "1 of 100 jobs failed" in message["Subject"]
    assert message["Bcc"] is None


def test_the_states_of_the_closing_task_count(store: Store) -> None:
    """What Airflow knows beyond attempts: a job that was lost, or whose task is gone."""
    run = ToldRun(store, telling("failure", jobs=["people", "groups"]))
    run.end_job()
    run.close("failed", people="success", groups="removed_from_the_definition")
    box = Box()
    send(store, box)
    [(_, message)] = box.mails
    assert "groups: removed from the definition" in text_of(message)


def test_a_run_that_upkeep_closes_is_told(store: Store, clock: Clock) -> None:
    """Its process is gone: attempts and run are closed, and people hear of it once."""
    run = ToldRun(store, telling("failure"), trigger="terminal")
    store.runs.start_job(run.snapshot.id, "people")
    clock.advance(days=2)
    store.leftovers.close_left_attempts()
    store.leftovers.close_left_runs()
    box = Box()
    send(store, box)
    [(_, message)] = box.mails
    assert message["Subject"] == "Failed: crew (1 of 1 jobs failed)"
    assert BROKE_OFF in " ".join(text_of(message).split())
