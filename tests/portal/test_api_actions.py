"""The REST API on what people do: decisions and who was first, selections, new runs, waivers, and Airflow's
audit log.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from typing import Any

import httpx

from directory_sync.approval.people import Approver
from directory_sync.plan.model import LimitCheck
from tests.portal.asking import BEA, Asked, ask, update
from tests.scenarios.plans import collection, plan
from tests.scenarios.portal_server import PAUSED, PortalServer
from tests.scenarios.saved import ADA, text_of

_numbers = count(1)


def act(server: PortalServer, user: str, asked: Asked, name: str, **body: Any) -> httpx.Response:
    """Do something with a request."""
    return server.client(user).post(f"/api/v1/requests/{asked.id}/{name}", json=body)


def audit(server: PortalServer, event: str, run_id: str) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Owner, DAG, task and facts of an event in Airflow's audit log."""
    rows = server.metadata(
        "select owner, dag_id, task_id, extra from log where event = ? and run_id = ?", event, run_id
    )
    return [(owner, dag, task, json.loads(extra)) for owner, dag, task, extra in rows]


def test_a_decision_reaches_the_request_and_the_audit_log(server: PortalServer) -> None:
    """An approval is recorded with who gave it, and stands in Airflow's audit log under the job's task."""
    asked = ask(server)
    answer = act(server, "bea", asked, "approve", digest=asked.digest, reason="looks right")
    assert (answer.status_code, answer.json()["request"]["state"]) == (200, "approved")
    assert answer.json()["decisions"][0]["person"] == "bea"
    [(owner, dag, task, facts)] = audit(server, "directory_sync.approve", asked.run_id)
    assert (owner, dag, task) == ("bea", "crew", "people")
    assert facts == {
        "request": asked.id,
        "state": "approved",
        "digest": asked.digest,
        "reason": "looks right",
    }


def test_who_comes_second_is_told_who_was_first(server: PortalServer) -> None:
    """A decision on what is decided is refused with who was first, when, and what it has become; nothing is
    logged as done.
    """
    asked = ask(server, approvers=[BEA, Approver("user", "olga")])
    assert act(server, "bea", asked, "deny", digest=asked.digest, reason="no").status_code == 200
    answer = act(server, "olga", asked, "approve", digest=asked.digest)
    assert answer.status_code == 409
    body = answer.json()
    assert (body["error"], body["by"], body["state"]) == ("AlreadyDecided", "bea", "denied")
    assert body["at"].startswith("20")
    assert audit(server, "directory_sync.approve", asked.run_id) == []


def test_only_the_plan_that_was_shown_can_be_decided(simple: PortalServer) -> None:
    """A decision names the digest that was shown; another one is refused, so is a denial without a reason."""
    asked = ask(simple)
    assert act(simple, "bea", asked, "approve", digest="0" * 64).json()["error"] == "NotDecidable"
    assert act(simple, "bea", asked, "deny", digest=asked.digest, reason=" ").status_code == 422
    missing = act(simple, "bea", asked, "deny", digest=asked.digest)
    assert (missing.status_code, missing.json()["problems"]) == (422, {"reason": "Field required."})
    unknown = act(simple, "bea", asked, "approve", digest=asked.digest, reson="typo")
    assert "reson" in unknown.json()["problems"]
    assert simple.store.requests.get(asked.id).request.state == "pending"


def test_no_one_approves_their_own_request(server: PortalServer) -> None:
    """Who asked for the changes may not agree to them, but may withdraw the request."""
    asked = ask(server, approvers=[Approver("user", "ida")], requester="ida")
    answer = act(server, "ida", asked, "approve", digest=asked.digest)
    assert (answer.status_code, "You asked for these changes" in answer.json()["detail"]) == (403, True)
    assert act(server, "ida", asked, "cancel", reason="a mistake").json()["request"]["state"] == "cancelled"
    assert audit(server, "directory_sync.cancel", asked.run_id)


def test_a_request_is_rerouted_to_others(simple: PortalServer) -> None:
    """Those to whom it is rerouted can decide it; a reroute to no one is refused."""
    asked = ask(simple)
    assert act(simple, "bea", asked, "reroute", users=[" "], roles=[]).status_code == 422
    assert (
        act(simple, "bea", asked, "reroute", users=["vera"], roles=["op"], reason="on leave").status_code
        == 200
    )
    assert act(simple, "vera", asked, "approve", digest=asked.digest).status_code == 200
    assert audit(simple, "directory_sync.reroute", asked.run_id)[0][3]["users"] == ["vera"]


def test_a_comment_is_kept_as_it_was_written(simple: PortalServer) -> None:
    """Whoever may see the request may comment on it; hostile text stays data; an empty or too long one is
    refused.
    """
    asked = ask(simple)
    text = "<img src=x onerror=alert(1)>\u202e\x1b[2J'; DROP TABLE request;--"
    assert act(simple, "vera", asked, "comment", text=text).json()["events"][-1]["text"] == text
    assert act(simple, "vera", asked, "comment", text="  ").status_code == 422
    assert act(simple, "vera", asked, "comment", text="x" * 10_001).status_code == 422
    [(_, _, _, facts)] = audit(simple, "directory_sync.comment", asked.run_id)
    assert facts == {"request": asked.id}


def test_a_selection_is_decided_one_by_one(simple: PortalServer) -> None:
    """Of several requests those that can be decided are; the answer says of each other one why not."""
    mine, others, foreign = (
        ask(simple),
        ask(simple, name=PAUSED, approvers=[Approver("user", "olga")]),
        999_999_999,
    )
    selection = [
        {"id": mine.id, "digest": mine.digest},
        {"id": others.id, "digest": others.digest},
        {"id": foreign, "digest": mine.digest},
    ]
    answer = (
        simple.client("bea")
        .post("/api/v1/requests/decide", json={"approve": True, "requests": selection})
        .json()
    )
    assert [(each["id"], each["ok"], each["error"], each["state"]) for each in answer["results"]] == [
        (mine.id, True, "", "approved"),
        (others.id, False, "NotAllowed", ""),
        (foreign, False, "RequestNotFound", ""),
    ]
    assert (
        simple.client("bea")
        .post("/api/v1/requests/decide", json={"approve": True, "requests": []})
        .status_code
        == 422
    )


def test_a_new_run_is_started_as_the_one_who_asks(server: PortalServer) -> None:
    """Planning anew starts a manual run for that job alone, under the visitor's name; who may not run the DAG
    may not.
    """
    asked = ask(server)
    refused = act(server, "vera", asked, "replan")
    assert (refused.status_code, "Airflow does not let you start runs" in refused.json()["detail"]) == (
        403,
        True,
    )
    answer = act(server, "olga", asked, "replan", reason="new data")
    assert answer.status_code == 200, answer.text
    started = answer.json()
    rows = server.metadata(
        "select run_type, triggering_user_name, state, conf from dag_run where dag_id = ? and run_id = ?",
        started["dag_id"],
        started["run_id"],
    )
    [(kind, user, state, conf)] = rows
    assert (kind, user, state) == ("manual", "olga", "queued")
    assert json.loads(conf) == {"jobs": ["people"], "reason": "new data"}
    assert audit(server, "directory_sync.replan", asked.run_id)[0][3]["started"] == started["run_id"]


def test_a_run_that_could_not_begin_is_not_started(simple: PortalServer) -> None:
    """A paused DAG, or one that Airflow does not know, is not started: the run would wait for ever.

    A long reason is refused.
    """
    if simple.store.collections.get(PAUSED) is None:
        simple.store.collections.save(PAUSED, text_of(PAUSED), expected=0, by=ADA)
    with simple.newest_read(PAUSED):
        paused = act(simple, "olga", ask(simple, name=PAUSED), "replan")
    assert (paused.status_code, "is paused" in paused.json()["detail"]) == (409, True), paused.text
    unknown = act(simple, "olga", ask(simple, name="only_on_a_terminal"), "replan")
    assert (unknown.status_code, "knows no DAG only_on_a_terminal" in unknown.json()["detail"]) == (409, True)
    assert act(simple, "olga", ask(simple), "replan", reason="x" * 1001).status_code == 422
    assert simple.metadata(
        "select count(*) from dag_run where dag_id in (?, ?)", PAUSED, "only_on_a_terminal"
    ) == [(0,)]


def stopped_run(server: PortalServer, *, state: str = "stopped_by_limit", requester: str = "ida") -> str:
    """A run whose job was stopped by a limit; its id."""
    run_id = f"stopped__{next(_numbers)}"
    server.store.filing.mark_stale("crew", "people", reason="Left over by another test.")
    run = server.store.runs.start(collection(), run_id, trigger="manual", requester=requester, verified=True)
    attempt = server.store.runs.start_job(run.id, "people")
    made = replace(plan((update(run_id),)), limits=(LimitCheck("delete", "", 7, 100, 5, "5%"),))
    server.store.plans.save(attempt.id, made)
    server.store.runs.finish_job(attempt.id, state, statistics=made.statistics, message="over the limit")
    return run_id


def test_a_limit_is_waived_by_another_person(server: PortalServer) -> None:
    """Who may run the collection can ask for a waiver of the limit that stopped it; administrators decide,
    not who ran it.
    """
    run_id = stopped_run(server, requester="admin")
    path = f"/api/v1/runs/crew/{run_id}/jobs/people/waiver"
    [job] = server.client("vera").get(f"/api/v1/runs/crew/{run_id}").json()["jobs"]
    assert (job["state"], job["may_be_waived"], job["request"]) == ("stopped_by_limit", True, None)
    assert server.client("vera").post(path, json={"reason": "please"}).status_code == 403
    assert server.client("olga").post(path, json={"reason": " "}).status_code == 422
    answer = server.client("olga").post(path, json={"reason": "the old branch was closed"})
    assert answer.status_code == 200, answer.text
    request = answer.json()
    assert request["waives"] == ["limit delete: 7 planned, 5 allowed (5% of 100)"]
    assert (request["asked_by"], request["reason"]) == ("olga", "the old branch was closed")
    again = server.client("olga").post(path, json={"reason": "hello?"})
    assert (again.status_code, "asks for this already" in again.json()["detail"]) == (409, True)
    own = server.client("admin").post(
        f"/api/v1/requests/{request['id']}/approve", json={"digest": request["digest"]}
    )
    assert (own.status_code, "You asked for these changes" in own.json()["detail"]) == (403, True)
    assert audit(server, "directory_sync.ask_for_waiver", run_id)[0][3]["request"] == request["id"]
    assert (
        server.client("vera").get(f"/api/v1/runs/crew/{run_id}").json()["jobs"][0]["request"] == request["id"]
    )


def test_only_what_a_limit_has_stopped_can_be_waived(simple: PortalServer) -> None:
    """A job that did not stop at a limit, a job that does not exist and a run that does not exist are told
    apart.
    """
    done = stopped_run(simple, state="success")
    for path, status in [
        (f"/api/v1/runs/crew/{done}/jobs/people/waiver", 409),
        (f"/api/v1/runs/crew/{done}/jobs/no one/waiver", 404),
        ("/api/v1/runs/crew/never/jobs/people/waiver", 404),
    ]:
        assert simple.client("olga").post(path, json={"reason": "why not"}).status_code == status, path
