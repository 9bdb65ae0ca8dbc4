"""The REST API on requests: lists and filters, one request, changes, comparisons, downloads."""

from __future__ import annotations

import csv
import io
import re

import pytest

from directory_sync.approval.states import RequestState
from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from directory_sync.portal import queries
from tests.portal.asking import ask, update
from tests.scenarios.portal_server import PortalServer

HOSTILE = "<script>alert(1)</script> \x1b[31m \u202egnp"


def test_a_request_is_shown_with_everything_about_it(simple: PortalServer) -> None:
    """One request has all that an approver needs, with times in UTC and the address of its page."""
    asked = ask(simple, description=HOSTILE)
    answer = simple.client("vera").get(f"/api/v1/requests/{asked.id}").json()
    request = answer["request"]
    assert (request["id"], request["digest"], request["state"]) == (asked.id, asked.digest, "pending")
    assert request["description"] == HOSTILE
    assert request["filed"].endswith("Z")
    assert (
        request["url"] == f"http://airflow.example:{simple.port}/plugin/dirsync/dirsync/requests/{asked.id}"
    )
    assert answer["waiting_for"] == "bea"
    assert [(each["kind"], each["name"], each["why"]) for each in answer["assignees"]] == [
        ("user", "bea", "policy")
    ]
    assert answer["limits"][0]["kind"] == "delete"
    assert answer["warnings"] == ["A warning."]
    assert answer["problems"][0]["message"] == "no surname"
    assert [event["kind"] for event in answer["events"]] == ["filed"]


def test_only_the_look_of_somebody_who_may_decide_is_noted(simple: PortalServer) -> None:
    """That an approver has seen the request is noted once; looks of others are not."""
    asked = ask(simple)
    for user in ("vera", "admin", "bea", "bea", "ida"):
        simple.client(user).get(f"/api/v1/requests/{asked.id}")
    events = simple.store.requests.get(asked.id).events
    assert [(event.kind, event.actor) for event in events if event.kind == "viewed"] == [("viewed", "bea")]


def test_lists_are_filtered_and_paged(simple: PortalServer) -> None:
    """Filters restrict a list, `total` counts all pages, and `next` leads to the next one."""
    made = [ask(simple, requester="hugo", description=f"paging {number}").id for number in range(3)]
    client = simple.client("hugo")
    everything = {"list": "mine", "description": "PAGING"}
    first = client.get("/api/v1/requests", params={**everything, "limit": 2}).json()
    assert [each["id"] for each in first["requests"]] == [made[2], made[1]]
    assert (first["total"], first["next"]) == (3, made[1])
    second = client.get("/api/v1/requests", params={**everything, "limit": 2, "before": first["next"]}).json()
    assert ([each["id"] for each in second["requests"]], second["next"]) == ([made[0]], None)
    stale = client.get("/api/v1/requests", params={**everything, "state": ["stale", "denied"]}).json()
    assert {each["id"] for each in stale["requests"]} == set(made[:2])
    assert client.get("/api/v1/requests", params={**everything, "until": "2000-01-01"}).json()["total"] == 0


@pytest.mark.parametrize(
    ("parameters", "name", "hint"),
    [
        ({"list": "inbx"}, "list", "Did you mean inbox?"),
        ({"state": "aproved"}, "state", "Did you mean approved?"),
        ({"from": "yesterday"}, "from", "Write 2026-01-31"),
        ({"limit": "0"}, "limit", "from 1 to 1,000"),
        ({"colection": "x"}, "“colection”", "Did you mean collection?"),
        ({"object": "x" * 1001}, "object", "at most 1,000"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_wrong_filter_says_what_is_right(
    simple: PortalServer, parameters: dict[str, str], name: str, hint: str
) -> None:
    """A parameter that makes no sense is refused by name, with what is possible."""
    answer = simple.client("vera").get("/api/v1/requests", params=parameters)
    assert (answer.status_code, answer.json()["error"]) == (422, "QueryError")
    assert hint in answer.json()["problems"][name]


def test_changes_are_searched_and_filtered(simple: PortalServer) -> None:
    """Key, ids, field names and values are searched in any case of letters, on the server; filters and pages
    work with it.
    """
    made = (
        update("Ärger", sn="Groß"),
        update("fry", mail="Fry@PLANET.example"),
        Change(
            Action.CREATE,
            "leela",
            "cn=leela,ou=people,dc=office",
            fields=(FieldChange("cn", (), (b"leela",)),),
        ),
        Change(
            Action.MOVE, "bender", "cn=bender,ou=old,dc=office", new_object="cn=bender,ou=Robots,dc=office"
        ),
        update("100%_sure", sn='quo"te\\'),
    )
    asked = ask(simple, changes=made)
    simple.store.plans.record_outcomes(asked.plan_id, [Outcome(1, Result.CONFLICT, "it was changed")])
    expected = {
        "ärger": [0],
        "GROSS": [],
        "groß": [0],
        "fry@planet": [1],
        "MAIL": [1],
        "robots": [3],
        'o"TE\\': [4],
        "%_": [4],
        "old": [0, 1, 3, 4],
        "action": [],
        '"field"': [],
        "\x00": [],
        "; DROP TABLE": [],
    }
    path = f"/api/v1/requests/{asked.id}/changes"
    client = simple.client("vera")
    for search, places in expected.items():
        answer = client.get(path, params={"search": search}).json()
        assert ([each["sequence"] for each in answer["changes"]], answer["total"]) == (places, len(places)), (
            search
        )
    page = client.get(path, params={"search": "old", "limit": 2, "after": 0}).json()
    assert ([each["sequence"] for each in page["changes"]], page["next"], page["total"]) == ([1, 3], 3, 4)
    for parameters, places in [
        ({"action": "create"}, [2]),
        ({"result": "conflict"}, [1]),
        ({"result": "open", "limit": 1}, [0]),
    ]:
        found = client.get(path, params=parameters).json()["changes"]
        assert [each["sequence"] for each in found] == places
    conflict = client.get(path, params={"search": "fry"}).json()["changes"][0]
    assert (conflict["result"], conflict["message"]) == ("conflict", "it was changed")
    assert (
        conflict["text"]
        == "Conflict, did not update cn=fry,ou=people,dc=office: mail: old → Fry@PLANET.example. it was changed"  # noqa: E501
    )
    wrong = client.get(path, params={"action": "creat"})
    assert "Did you mean create?" in wrong.json()["problems"]["action"]


def test_secret_values_are_nowhere(simple: PortalServer) -> None:
    """A secret field's values are in no answer and no download, and cannot be found out by searching for
    them.
    """
    asked = ask(
        simple, changes=(update("fry", userPassword="hunter2", sn="Fry"), update("amy", unicodePwd="hunter2"))
    )
    client = simple.client("vera")
    for path in (f"/api/v1/requests/{asked.id}", f"/api/v1/plans/{asked.plan_id}"):
        for end in ("/changes", "/changes.csv", "/changes.ldif"):
            answer = client.get(f"{path}{end}")
            assert answer.status_code == 200
            assert "hunter2" not in answer.text, end
            assert "Fry" in answer.text
    fields = client.get(f"/api/v1/requests/{asked.id}/changes").json()["changes"][0]["fields"]
    assert fields[0] == {"field": "userPassword", "old": ["***"], "new": ["***"], "partial": False}
    for search in ("hunter2", "hunt"):
        assert (
            client.get(f"/api/v1/requests/{asked.id}/changes", params={"search": search}).json()["total"] == 0
        )
    assert (
        client.get(f"/api/v1/requests/{asked.id}/changes", params={"search": "userpass"}).json()["total"] == 1
    )


def test_csv_has_every_change_and_no_formula(simple: PortalServer) -> None:
    """The CSV has one row for each field with what became of it; what a spreadsheet would compute is made
    inert.
    """
    made = (
        update("fry", description="=HYPERLINK(1)", telephoneNumber="+31 6 123", sn="-2+3+cmd|x"),
        update("amy", sn="@SUM(1)"),
    )
    asked = ask(simple, changes=made)
    simple.store.plans.record_outcomes(asked.plan_id, [Outcome(0, Result.FAILED, "server says no")])
    answer = simple.client("vera").get(f"/api/v1/requests/{asked.id}/changes.csv")
    assert answer.headers["content-disposition"] == f'attachment; filename="request-{asked.id}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["new"] for row in rows] == ["'=HYPERLINK(1)", "+31 6 123", "'-2+3+cmd|x", "'@SUM(1)"]
    assert [(row["key"], row["result"], row["message"]) for row in rows][::3] == [
        ("fry", "failed", "server says no"),
        ("amy", "", ""),
    ]


def test_ldif_is_made_without_the_directory(simple: PortalServer) -> None:
    """A plan for a directory can be had as LDIF although the API server cannot reach it; comments cannot be
    broken out of.
    """
    made = (
        Change(
            Action.CREATE, "x\ndn: cn=evil", "cn=leela,dc=office", fields=(FieldChange("sn", (), (b"L",)),)
        ),
        Change(Action.MOVE, "b", "cn=b,ou=old,dc=office", new_object="cn=c,ou=new,dc=office"),
        Change(Action.DELETE, "z", "cn=z,dc=office", fields=(FieldChange("sn", (b"Z",), ()),)),
    )
    asked = ask(simple, changes=made)
    text = simple.client("vera").get(f"/api/v1/requests/{asked.id}/changes.ldif").text
    assert text.startswith("version: 1\n")
    assert "\ndn: cn=evil" not in text
    assert "dn: cn=leela,dc=office\nchangetype: add\nsn: L\ncn: leela\n" in text
    assert "changetype: modrdn\nnewrdn: cn=c\ndeleteoldrdn: 1\nnewsuperior: ou=new,dc=office\n" in text
    assert "dn: cn=z,dc=office\nchangetype: delete\n" in text


def test_two_requests_of_a_job_are_compared(simple: PortalServer) -> None:
    """The comparison with the request before shows which objects are treated differently; secret values stay
    hidden.
    """
    old = ask(
        simple, changes=(update("same"), update("gone"), update("other", sn="one", userPassword="hunter2"))
    )
    new = ask(
        simple, changes=(update("same"), update("come"), update("other", sn="two", userPassword="hunter3"))
    )
    answer = simple.client("vera").get(f"/api/v1/requests/{new.id}/comparison")
    assert "hunter" not in answer.text
    found = answer.json()
    assert (found["old"], found["new"]) == (old.id, new.id)
    assert found["counts"] == {"only_old": 1, "only_new": 1, "changed": 1, "same": 1}
    assert [
        (each["presence"], each["object"].partition(",")[0], each["fields"]) for each in found["differences"]
    ] == [
        ("only_new", "cn=come", ["sn"]),
        ("changed", "cn=other", ["sn", "userPassword"]),
        ("only_old", "cn=gone", ["sn"]),
    ]
    page = (
        simple.client("vera")
        .get(f"/api/v1/requests/{old.id}/comparison", params={"with": new.id, "limit": 2})
        .json()
    )
    assert (len(page["differences"]), page["next"]) == (2, 2)
    rest = (
        simple.client("vera")
        .get(f"/api/v1/requests/{old.id}/comparison", params={"with": new.id, "after": 2})
        .json()
    )
    assert (len(rest["differences"]), rest["next"]) == (1, None)
    foreign = ask(simple, name="sleepers")
    refused = simple.client("vera").get(f"/api/v1/requests/{new.id}/comparison", params={"with": foreign.id})
    assert (refused.status_code, "another job" in refused.json()["detail"]) == (422, True)


def test_the_description_is_complete(simple: PortalServer) -> None:
    """OpenAPI describes every call with a summary, a description and its errors, and every parameter that is
    read.
    """
    document = simple.client("vera").get("/api/v1/openapi.json").json()
    assert document["servers"] == [{"url": "/dirsync"}]
    for path, calls in document["paths"].items():
        assert path.startswith("/api/v1/")
        for called in calls.values():
            named = {each["name"] for each in called.get("parameters", ()) if each["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path)), path
        for method, described in calls.items():
            assert described["description"], (method, path)
            assert {"401", "403", "503", "200"} <= described["responses"].keys(), (method, path)
            assert described["tags"]
    for model, path in [
        (queries.ListQuery, "/api/v1/requests"),
        (queries.ChangeQuery, "/api/v1/requests/{request_id}/changes"),
        (queries.ChangeQuery, "/api/v1/plans/{plan_id}/changes"),
        (queries.ComparisonQuery, "/api/v1/requests/{request_id}/comparison"),
    ]:
        parameters = document["paths"][path]["get"]["parameters"]
        read = {field.alias or name for name, field in model.model_fields.items()}
        assert {each["name"] for each in parameters if each["in"] == "query"} == read
    states = document["components"]["schemas"]["RequestState"]["enum"]
    assert states == [state.value for state in RequestState]
