"""What Airflow tells of those who are asked: whether they exist, and can see the collection and open the
request.
"""

from __future__ import annotations

from typing import Any

import pytest

from directory_sync.approval.people import Approver, Person
from directory_sync.approval.request import RequestView
from directory_sync.portal.codes import Known
from directory_sync.portal.standing import UNTOLD, Standing, note, out_of_reach
from directory_sync.requests import decisions
from directory_sync.store.store import Store
from tests.portal.asking import ask
from tests.portal.pages_client import Looker, text_of
from tests.scenarios.mail import Box, send
from tests.scenarios.portal_pages import BEA
from tests.scenarios.portal_server import HIDDEN, PortalServer
from tests.scenarios.requests import decide

FINE = Standing(Known.YES, people=1, seeing=1, opening=1)
BLIND = Standing(Known.YES, people=1, seeing=0, opening=0)
NOBODY = Standing(Known.NO)


def told(
    server: PortalServer, *approvers: Approver, name: str = "crew"
) -> dict[str, tuple[str, bool | None, str]]:
    """What the REST API says of those who are asked."""
    asked = ask(server, approvers=approvers, name=name)
    details = server.client("admin").get(f"/api/v1/requests/{asked.id}").json()
    return {each["name"]: (each["known"], each["able"], each["note"]) for each in details["assignees"]}


def users(*names: str) -> list[Approver]:
    return [Approver("user", name) for name in names]


def roles(*names: str) -> list[Approver]:
    return [Approver("role", name) for name in names]


def test_simple_auth_manager_knows_its_users(simple: PortalServer) -> None:
    """Everybody with a role sees every collection; names are compared exactly, as where somebody decides."""
    assert told(simple, *users("bea", "dora", "Vera"), *roles("viewer", "VIEWER", "pilots")) == {
        "bea": ("yes", True, ""),
        "dora": ("no", False, "Airflow knows no user of this name."),
        "Vera": ("no", False, "Airflow knows no user of this name, but vera: names are compared exactly."),
        "viewer": ("yes", True, ""),
        "VIEWER": (
            "no",
            False,
            "Airflow knows no role or group of this name, but viewer: names are compared exactly.",
        ),
        "pilots": ("no", False, "Airflow knows no role or group of this name."),
    }


def test_fab_knows_who_may_see_and_open_what(fab: PortalServer) -> None:
    """Of a user and of all who have a role or are in a group: the right to read the DAG, and to read
    plugins.
    """
    assert told(fab, *users("bea", "nora", "pia", "otto", "BEA", "dora")) == {
        "bea": ("yes", True, ""),
        "nora": ("yes", False, "Cannot see this collection in Airflow."),
        "pia": ("yes", False, "Does not find Dir Sync in Airflow: the right to read Plugins is missing."),
        "otto": ("yes", False, "This user may not sign in to Airflow."),
        "BEA": ("no", False, "Airflow knows no user of this name, but bea: names are compared exactly."),
        "dora": ("no", False, "Airflow knows no user of this name."),
    }
    assert told(
        fab, *roles("Directory Approvers", "Crew readers", "Nothing", "Night watch", "Public", "pilots")
    ) == {
        "Directory Approvers": ("yes", True, ""),
        "Crew readers": ("yes", True, "3 of 4 cannot open this request in Airflow."),
        "Nothing": ("yes", False, "None of them can see this collection in Airflow."),
        "Night watch": (
            "yes",
            False,
            "None of them finds Dir Sync in Airflow: the right to read Plugins is missing.",
        ),
        "Public": ("yes", False, "No one has it in Airflow."),
        "pilots": ("no", False, "Airflow knows no role or group of this name."),
    }


def test_what_is_told_is_what_airflow_does(fab: PortalServer) -> None:
    """For each user the answer of the API that their own token gets is the one that is told of them."""
    for name in ("crew", HIDDEN):
        asked = ask(fab, approvers=users("bea", "ida", "vera", "nora", "hugo", "olga"), name=name)
        details = fab.client("admin").get(f"/api/v1/requests/{asked.id}").json()
        for each in details["assignees"]:
            sees = fab.client(each["name"]).get(f"/api/v1/requests/{asked.id}").status_code == 200
            assert (each["note"] == "Cannot see this collection in Airflow.") == (not sees), (name, each)


def test_everybody_is_let_in_so_that_nobody_is_known(everybody: PortalServer) -> None:
    """Where SimpleAuthManager makes everybody an administrator, nothing is told, and nothing is in the
    way.
    """
    asked = ask(everybody, approvers=users("bea", "dora"))
    details = everybody.client("admin").get(f"/api/v1/requests/{asked.id}").json()
    assert [(each["known"], each["able"], each["note"]) for each in details["assignees"]] == [
        ("unknown", None, "")
    ] * 2
    assert details["reachable"] is True


# -- asking others -------------------------------------------------------------------------------------------


def sent_now(server: PortalServer) -> set[str]:
    """Send all mail that waits; whom it goes to. Each time, the outbox sends a part of what it holds."""
    told: set[str] = set()
    for _ in range(100):
        box = Box()
        send(server.store, box)
        if not box.mails:
            break
        told |= {to for to, _ in box.mails}
    return told


def test_a_name_that_nobody_has_is_asked_only_if_it_is_confirmed(server: PortalServer) -> None:
    """Nothing is recorded before; afterwards the request says it, and sends them no mail."""
    asked = ask(server)
    sent_now(server)  # what other tests have queued
    path, body = f"/api/v1/requests/{asked.id}/reroute", {"users": ["emil", "olga"], "reason": "away"}
    refused = server.client("bea").post(path, json=body)
    assert (refused.status_code, refused.json()["error"]) == (422, "DoubtfulApprovers")
    assert refused.json()["detail"].startswith("User emil: Airflow knows no user of this name.")
    assert "olga" not in refused.json()["detail"]
    assert [each.name for each in server.store.requests.get(asked.id).assignees] == ["bea"]
    answer = server.client("bea").post(path, json={**body, "confirm_unknown": True})
    assert answer.status_code == 200
    assert [(each["name"], each["able"]) for each in answer.json()["assignees"]] == [
        ("bea", True),
        ("emil", False),
        ("olga", True),
    ]
    told_of_it = sent_now(server)
    assert "emil@corp.example" not in told_of_it
    assert "olga@corp.example" in told_of_it
    mailed = [
        each.data
        for each in server.store.requests.get(asked.id).events
        if each.data and each.data.get("about") == "rerouted"
    ]
    assert [each["name"] for data in mailed for each in data["unreached"]] == ["emil"]


def test_who_sees_the_collection_gets_mail(fab: PortalServer) -> None:
    """Also if they do not find Dir Sync in Airflow yet: the mail tells them nothing that they may not see."""
    asked = ask(fab)
    sent_now(fab)  # what other tests have queued
    body = {"users": ["pia", "nora"], "confirm_unknown": True}
    assert fab.client("bea").post(f"/api/v1/requests/{asked.id}/reroute", json=body).status_code == 200
    told = sent_now(fab)
    assert "pia@corp.example" in told
    assert "nora@corp.example" not in told


def test_who_may_not_reroute_is_told_nothing_about_names(fab: PortalServer) -> None:
    """Nobody finds out through it who exists."""
    asked = ask(fab)
    for name in ("emil", "olga"):
        answer = fab.client("vera").post(f"/api/v1/requests/{asked.id}/reroute", json={"users": [name]})
        assert (answer.status_code, answer.json()["error"]) == (403, "NotAllowed")
        assert name not in answer.text


@pytest.mark.parametrize("name", ["x\x07y", "a\nb", "\u202eevil", "x" * 251])
def test_impossible_names_are_refused(simple: PortalServer, name: str) -> None:
    """Confirmed or not: nobody can ever have them."""
    asked = ask(simple)
    body: dict[str, Any] = {"users": [], "roles": [name], "confirm_unknown": True}
    answer = simple.client("bea").post(f"/api/v1/requests/{asked.id}/reroute", json=body)
    assert (answer.status_code, list(answer.json()["problems"])) == (422, ["roles"])
    assert "cannot be a name" in answer.json()["problems"]["roles"]


def test_the_form_asks_whether_they_are_meant(looker: Looker) -> None:
    """It keeps what was entered; a confirmation is of the names that were shown, not of others."""
    emil, fay = users("emil", "fay")
    looker.become(BEA, told={emil: NOBODY, fay: BLIND, Approver("user", "dora"): FINE})
    path = f"/requests/{looker.made['pending']}/reroute"
    entered = {"users": "dora, emil", "roles": "", "reason": "on holiday"}
    page = looker.post(path, entered, status=422)
    assert "User emil: Airflow knows no user of this name." in text_of(page)
    assert "Ask them all the same" in page
    assert 'value="dora, emil"' in page
    assert "on holiday" in page
    assert '<input type="hidden" name="confirmed" value="user:emil">' in page
    again = looker.post(path, {**entered, "users": "dora, fay", "confirmed": "user:emil"}, status=422)
    assert "User fay: Cannot see this collection in Airflow." in text_of(again)
    assert "emil" not in text_of(again)
    looker.post(path, {**entered, "users": "emil, fay", "confirmed": ["user:emil", "user:fay"]})
    shown = text_of(looker.get(f"/requests/{looker.made['pending']}"))
    assert "emil asked by someone who was asked before" in shown
    assert "Airflow knows no user of this name." in shown


@pytest.mark.parametrize(
    "confirmed", [[], ["user:ida", "user:IDA", "user:bea", "user:zoe"]], ids=["at first", "confirmed"]
)
def test_who_is_asked_in_vain_is_refused(looker: Looker, confirmed: list[str]) -> None:
    """The requester, oneself, a person who has decided: what was entered is kept, and nothing is stored."""
    number = looker.made["two"]
    request = looker.store.requests.get(number).request
    decisions.approve(looker.store, number, Person("carl", frozenset(), verified=True), digest=request.digest)
    before = looker.store.requests.get(number)
    for name, said in (
        ("ida", "ida asked for these changes, so someone else has to decide."),
        ("IDA", "IDA asked for these changes"),
        ("bea", "bea is you, and you may decide yourself."),
        ("carl", "carl has decided already"),
    ):
        entered = {"users": name, "roles": "Op", "reason": "on holiday", "confirmed": confirmed}
        page = looker.post(f"/requests/{number}/reroute", entered, status=422)
        assert said in text_of(page)
        assert f'value="{name}"' in page
        assert "on holiday" in page
    assert looker.store.requests.get(number).assignees == before.assignees


def test_the_form_says_where_nobody_can_tell(looker: Looker) -> None:
    """With an auth manager that does not say who exists, the spelling is all there is."""
    path = f"/requests/{looker.made['pending']}/ask?do=reroute"
    assert "auth manager does not tell whether someone has a name" in text_of(looker.get(path))
    looker.become(BEA, told={Approver("user", "bea"): FINE})
    assert "does not tell" not in text_of(looker.get(path))


# -- who is missing ------------------------------------------------------------------------------------------


def test_the_page_marks_who_cannot_decide(looker: Looker) -> None:
    """And says so at the top where nobody is left who can; it follows when that changes."""
    number = looker.made["pending"]
    asked = [Approver(each.kind, each.name) for each in looker.store.requests.get(number).assignees]
    looker.become(BEA, told=dict.fromkeys(asked, BLIND))
    page = text_of(looker.get(f"/requests/{number}"))
    assert "Cannot see this collection in Airflow." in page
    assert "Not enough of those who are asked can open this request in Airflow" in page
    version = looker.get(f"/requests/{number}").partition("live?known=")[2].partition('"')[0]
    assert looker.get(f"/requests/{number}/live?known={version}", status=204, part=True) == ""
    looker.become(BEA, told=dict.fromkeys(asked, FINE))
    assert "Not enough" not in text_of(looker.get(f"/requests/{number}"))
    assert "request-state" in looker.get(f"/requests/{number}/live?known={version}", part=True)


@pytest.mark.parametrize(
    ("policy", "unable", "out"),
    [
        ({"users": ["bea", "zoe"]}, ["zoe"], False),
        ({"users": ["bea", "zoe"]}, ["bea", "zoe"], True),
        ({"users": ["bea", "zoe"], "require": 2}, ["zoe"], True),
        ({"users": ["bea", "zoe"], "roles": ["Heads"], "require": 2}, ["zoe"], False),
        ({"users": ["bea", "zoe"], "roles": ["Heads"], "require": 2}, ["zoe", "Heads"], True),
        ({"users": ["bea", "zoe"], "require": "all"}, ["zoe"], True),
        ({"users": ["bea"], "roles": ["Heads"], "require": "all"}, ["Heads"], True),
        ({"users": ["bea"], "roles": ["Heads"]}, ["Heads"], False),
    ],
    ids=[
        "one of two",
        "both",
        "two needed",
        "a role may be enough",
        "neither",
        "all",
        "all with a role",
        "role beside a user",
    ],
)
def test_enough_of_them_have_to_be_able(
    looker: Looker, policy: dict[str, Any], unable: list[str], out: bool
) -> None:
    """By the rule of the policy; a role counts as many people unless none of its members can open the
    request.
    """
    view = _filed(looker.store, policy)
    standings = {
        whom: BLIND if whom.name in unable else FINE
        for whom in (Approver(each.kind, each.name) for each in view.assignees)
    }
    assert out_of_reach(view, standings) is out
    assert not out_of_reach(view, dict.fromkeys(standings, UNTOLD))


def test_who_has_agreed_is_not_missing(looker: Looker) -> None:
    """Whatever became of their account afterwards."""
    view = _filed(looker.store, {"users": ["bea", "zoe"], "require": 2})
    view = decide(looker.store, view.request.id, "bea", needed=2)
    assert not out_of_reach(view, {Approver("user", "bea"): NOBODY, Approver("user", "zoe"): FINE})
    assert out_of_reach(view, {Approver("user", "bea"): FINE, Approver("user", "zoe"): NOBODY})


def test_who_signs_in_elsewhere_may_be_known_later() -> None:
    """With LDAP or OAuth, Airflow knows users from their first sign-in on: that is said, and not held against
    them.
    """
    unseen = Standing(Known.NOT_YET)
    assert unseen.able is None
    assert note(Approver("user", "emil"), unseen) == (
        "Airflow does not know this user yet: it knows users from their first sign-in on."
    )


def _filed(store: Store, policy: dict[str, Any]) -> RequestView:
    from tests.scenarios.requests import stored_plan

    given = dict(policy)
    require = given.pop("require", "any")
    whom = [*users(*given.get("users", ())), *roles(*given.get("roles", ()))]
    plan_id = stored_plan(store, name="standing")
    filed = store.filing.file(plan_id, policy={"approvers": given, "require": require}, approvers=whom)
    return store.requests.get(filed.id)
