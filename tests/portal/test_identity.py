"""Who somebody is, with both auth managers: names, roles, groups, administrators, and people whom nobody has
checked.
"""

from __future__ import annotations

import pytest

from directory_sync.approval.people import Approver
from tests.portal.asking import ask
from tests.scenarios.portal_server import HIDDEN, PortalServer


def inbox(server: PortalServer, user: str | None) -> set[int]:
    """The numbers of the requests that wait for somebody."""
    answer = server.client(user).get("/api/v1/requests", params={"limit": "1000"})
    assert answer.status_code == 200, answer.text
    return {request["id"] for request in answer.json()["requests"]}


def test_somebody_named_by_user_name(server: PortalServer) -> None:
    """A user whom the policy names finds the request in their inbox and can decide it; others do and can
    not.
    """
    asked = ask(server)
    assert asked.id in inbox(server, "bea")
    assert asked.id not in inbox(server, "vera")
    assert server.client("bea").get("/api/v1/inbox/count").json()["count"] >= 1
    powers = server.client("vera").get(f"/api/v1/requests/{asked.id}").json()["powers"]
    assert powers["decide"].startswith("You are not an approver")
    assert server.client("bea").get(f"/api/v1/requests/{asked.id}").json()["powers"]["decide"] == ""


@pytest.mark.parametrize(
    ("kind", "user", "role", "other"),
    [
        ("simple", "olga", "op", "bea"),
        ("fab", "bea", "Directory Approvers", "vera"),
        ("fab", "gina", "Night watch", "vera"),
    ],
    ids=["role of SimpleAuthManager", "role of FAB", "group of FAB"],
)
def test_somebody_named_by_role_or_group(
    request: pytest.FixtureRequest, kind: str, user: str, role: str, other: str
) -> None:
    """Roles and groups count as Airflow gives them, and the decision keeps those that the person had."""
    server: PortalServer = request.getfixturevalue(kind)
    asked = ask(server, approvers=[Approver("role", role)])
    assert asked.id in inbox(server, user)
    assert asked.id not in inbox(server, other)
    answer = server.client(user).post(f"/api/v1/requests/{asked.id}/approve", json={"digest": asked.digest})
    assert answer.status_code == 200, answer.text
    [decision] = server.store.requests.get(asked.id).decisions
    assert (decision.person.name, decision.person.verified) == (user, True)
    assert role in decision.person.roles


def test_only_administrators_see_the_list_of_all_requests(server: PortalServer) -> None:
    """The list of all requests is for roles of the setting `administrator_roles`; they can cancel, but not
    decide.
    """
    asked = ask(server)
    assert server.client("olga").get("/api/v1/requests", params={"list": "all"}).status_code == 403
    answer = server.client("admin").get("/api/v1/requests", params={"list": "all"})
    assert asked.id in {request["id"] for request in answer.json()["requests"]}
    powers = server.client("admin").get(f"/api/v1/requests/{asked.id}").json()["powers"]
    assert powers["decide"]
    assert powers["cancel"] == ""
    assert (
        server.client("admin").post(f"/api/v1/requests/{asked.id}/cancel", json={}).json()["request"]["state"]
        == "cancelled"
    )


def test_what_airflow_hides_does_not_exist(fab: PortalServer) -> None:
    """Somebody who may not read a collection's DAG finds its requests nowhere, even where the policy names
    them.
    """
    asked = ask(
        fab, name=HIDDEN, approvers=[Approver("user", "gina"), Approver("user", "admin")], requester="gina"
    )
    for list_kind in ("inbox", "mine"):
        answer = (
            fab.client("gina")
            .get("/api/v1/requests", params={"list": list_kind, "collection": HIDDEN})
            .json()
        )
        assert (answer["requests"], answer["total"]) == ([], 0)
    assert fab.client("gina").get(f"/api/v1/requests/{asked.id}").status_code == 404
    missing = fab.client("gina").get("/api/v1/requests/999999999").json()["detail"]
    hidden = fab.client("gina").get(f"/api/v1/requests/{asked.id}").json()["detail"]
    assert hidden.replace(str(asked.id), "N") == missing.replace("999999999", "N")
    assert asked.id in inbox(fab, "admin")


def test_somebody_whom_nobody_has_checked_can_look_but_not_act(everybody: PortalServer) -> None:
    """Where Airflow lets everybody in, nothing can be decided, commented, cancelled or started."""
    asked = ask(
        everybody,
        approvers=[Approver("user", "Anonymous"), Approver("role", "ADMIN")],
        requester="Anonymous",
    )
    # What the browser sends when the portal's page posts; there is no token of its own.
    anybody = everybody.client(None)
    anybody.headers["sec-fetch-site"] = "same-origin"
    assert asked.id in {
        request["id"]
        for request in anybody.get("/api/v1/requests", params={"list": "mine"}).json()["requests"]
    }
    actions = {
        "approve": {"digest": asked.digest},
        "deny": {"digest": asked.digest, "reason": "no"},
        "reroute": {"users": ["bea"]},
        "cancel": {},
        "comment": {"text": "hello"},
        "replan": {},
    }
    for action, body in actions.items():
        answer = anybody.post(f"/api/v1/requests/{asked.id}/{action}", json=body)
        assert (answer.status_code, answer.json()["error"]) == (403, "NotAllowed"), action
        assert "does not know who you are" in answer.json()["detail"]
    view = everybody.store.requests.get(asked.id)
    assert view.request.state == "pending"
    assert [event.kind for event in view.events] == ["filed"]


def test_an_altered_token_is_not_accepted(server: PortalServer) -> None:
    """A token that was tampered with is nobody's."""
    headers = {"Authorization": f"Bearer {server.token('bea')[:-4]}AAAA"}
    answer = server.client(None).get("/api/v1/requests", headers=headers)
    assert answer.status_code == 403
    assert "does not accept this token" in answer.json()["detail"]
