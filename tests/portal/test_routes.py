"""A walk over all routes: each without a login, with a login that may not see the collection, and with one
that may only look.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from tests.portal.asking import Asked, ask
from tests.scenarios.portal_server import HIDDEN, PAUSED, PortalServer
from tests.scenarios.saved import ADA, text_of


class Route(NamedTuple):
    """What a route answers.

    Attributes:
        hidden: to somebody who may not see the collection: 404 where a number or name could be found out by
            asking, 200 for lists, which then hold nothing, and for a selection, whose answer says of each
            request what became of it.
        looker: to somebody who may see the collection and nothing else.
        body: of a post; a form for pages, JSON for the API.
        looker_of_fab: to such a person whose role FAB gives no more, where that is another answer.
    """

    hidden: int
    looker: int
    body: Mapping[str, Any] | None = None
    looker_of_fab: int | None = None


_REASON = {"reason": "a test"}
_DECISION = {"digest": "{digest}", **_REASON}

ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/api/v1/openapi.json"): Route(200, 200),
    ("GET", "/api/v1/requests"): Route(200, 200),
    ("GET", "/api/v1/inbox/count"): Route(200, 200),
    ("GET", "/api/v1/home"): Route(200, 200),
    ("GET", "/api/v1/requests/{request_id}"): Route(404, 200),
    ("GET", "/api/v1/requests/{request_id}/changes"): Route(404, 200),
    ("GET", "/api/v1/requests/{request_id}/changes.csv"): Route(404, 200),
    ("GET", "/api/v1/requests/{request_id}/changes.xlsx"): Route(404, 200),
    ("GET", "/api/v1/requests/{request_id}/changes.ldif"): Route(404, 200),
    ("GET", "/api/v1/requests/{request_id}/patterns"): Route(404, 200),
    ("GET", "/api/v1/requests/{request_id}/comparison"): Route(404, 200),
    ("POST", "/api/v1/requests/{request_id}/approve"): Route(404, 403, _DECISION),
    ("POST", "/api/v1/requests/{request_id}/deny"): Route(404, 403, _DECISION),
    ("POST", "/api/v1/requests/{request_id}/reroute"): Route(404, 403, {"users": ["vera"]}),
    ("POST", "/api/v1/requests/{request_id}/cancel"): Route(404, 403, {}),
    ("POST", "/api/v1/requests/{request_id}/comment"): Route(404, 200, {"text": "May I?"}),
    # One answer for several requests: what became of each stands in it.
    ("POST", "/api/v1/requests/decide"): Route(
        200, 200, {"approve": True, "requests": [{"id": "{id}", "digest": "{digest}"}]}
    ),
    ("POST", "/api/v1/requests/{request_id}/replan"): Route(404, 403, {}),
    ("GET", "/api/v1/plans/{plan_id}/changes"): Route(404, 200),
    ("GET", "/api/v1/plans/{plan_id}/patterns"): Route(404, 200),
    ("GET", "/api/v1/plans/{plan_id}/changes.csv"): Route(404, 200),
    ("GET", "/api/v1/plans/{plan_id}/changes.xlsx"): Route(404, 200),
    ("GET", "/api/v1/plans/{plan_id}/changes.ldif"): Route(404, 200),
    ("GET", "/api/v1/runs/{collection}/{run_id}"): Route(404, 200),
    ("POST", "/api/v1/runs/{collection}/{run_id}/stop"): Route(404, 403, _REASON),
    ("GET", "/api/v1/runs/{collection}/{run_id}/report"): Route(404, 200),
    ("GET", "/api/v1/runs/{collection}/{run_id}/changes"): Route(404, 200),
    ("POST", "/api/v1/runs/{collection}/{run_id}/jobs/{job}/waiver"): Route(404, 403, _REASON),
    ("GET", "/api/v1/collections"): Route(200, 200),
    ("GET", "/api/v1/collections.yaml"): Route(200, 200),
    # Who may edit no collection at all is refused before the text is read.
    ("POST", "/api/v1/collections/check"): Route(403, 403, {"text": "name: {collection}"}),
    ("POST", "/api/v1/collections/import"): Route(403, 403, {"text": "name: {collection}"}),
    ("GET", "/api/v1/collections/{name}"): Route(404, 200),
    ("PUT", "/api/v1/collections/{name}"): Route(404, 403, {"text": "name: {collection}", "expected": 1}),
    ("DELETE", "/api/v1/collections/{name}"): Route(404, 403),
    ("GET", "/api/v1/collections/{name}/versions"): Route(404, 200),
    ("GET", "/api/v1/collections/{name}/versions/{number}"): Route(404, 200),
    ("POST", "/api/v1/collections/{name}/restore"): Route(404, 403, {"number": 1, "expected": 1}),
    ("POST", "/api/v1/collections/{name}/rename"): Route(404, 403, {"to": "renamed", "expected": 1}),
    ("POST", "/api/v1/collections/{name}/runs"): Route(404, 403, {}),
    # An answer is seen by the person who has asked, and by no one else.
    ("POST", "/api/v1/previews"): Route(404, 403, {"collection": "{collection}"}),
    ("GET", "/api/v1/previews/{preview_id}"): Route(404, 404),
    ("GET", "/api/v1/previews/{preview_id}/jobs/{job}/effects"): Route(404, 404),
    ("POST", "/api/v1/previews/{preview_id}/cancel"): Route(404, 404, {}),
    # Who may write no definition chooses no connection, whatever there is.
    ("GET", "/api/v1/connections"): Route(403, 403),
    ("POST", "/api/v1/looks"): Route(
        403, 403, {"question": {"look": "test", "connection": "lab"}, "collection": "{collection}"}
    ),
    ("GET", "/"): Route(303, 303),
    ("GET", "/dashboard"): Route(200, 200),
    ("GET", "/jobs"): Route(200, 200),
    ("GET", "/history"): Route(200, 200),
    ("GET", "/running"): Route(200, 200),
    ("GET", "/search"): Route(200, 200),
    ("GET", "/templates"): Route(200, 200),
    ("GET", "/templates/{kind}/{name}"): Route(200, 200),
    ("GET", "/help"): Route(303, 303),
    ("GET", "/help/{name}"): Route(200, 200),
    ("GET", "/collections"): Route(200, 200),
    # Leads to an export; where none of them may be seen, back to the list.
    ("GET", "/selected-collections"): Route(303, 303),
    # Of each it says what became of it.
    ("POST", "/selected-collections"): Route(200, 200, {"do": "off", "selected": "{collection}"}),
    ("GET", "/collections/{name}"): Route(404, 200),
    ("GET", "/new-collection"): Route(403, 403),
    # A draft is seen by the person who has begun it, and by no one else.
    ("POST", "/drafts"): Route(403, 403, {"kind": "collection"}),
    ("POST", "/collections/{name}/drafts"): Route(404, 403, {}),
    ("GET", "/drafts/{draft_id}"): Route(404, 404),
    ("POST", "/drafts/{draft_id}/discard"): Route(404, 404, {}),
    ("GET", "/drafts/{draft_id}/jobs"): Route(404, 404),
    ("POST", "/drafts/{draft_id}/jobs"): Route(404, 404, {"number": "1", "do": "new"}),
    ("GET", "/drafts/{draft_id}/jobs/add"): Route(404, 404),
    ("GET", "/drafts/{draft_id}/review"): Route(404, 404),
    ("POST", "/drafts/{draft_id}/review"): Route(404, 404, {"number": "1", "do": "finish"}),
    ("GET", "/drafts/{draft_id}/yaml"): Route(404, 404),
    ("POST", "/drafts/{draft_id}/yaml"): Route(404, 404, {"number": "1", "definition": "x"}),
    ("GET", "/drafts/{draft_id}/details"): Route(404, 404),
    ("POST", "/drafts/{draft_id}/details"): Route(404, 404, {"number": "1", "details.title": "x"}),
    ("GET", "/drafts/{draft_id}/schedule"): Route(404, 404),
    ("POST", "/drafts/{draft_id}/schedule"): Route(404, 404, {"number": "1"}),
    ("POST", "/drafts/{draft_id}/schedule/meaning"): Route(404, 404, {"number": "1"}),
    ("GET", "/drafts/{draft_id}/jobs/{number}/endpoints"): Route(404, 404),
    ("POST", "/drafts/{draft_id}/jobs/{number}/endpoints"): Route(404, 404, {"number": "1"}),
    ("GET", "/drafts/{draft_id}/jobs/{number}/mapping"): Route(404, 404),
    ("POST", "/drafts/{draft_id}/jobs/{number}/mapping"): Route(404, 404, {"number": "1"}),
    ("POST", "/drafts/{draft_id}/jobs/{number}/look"): Route(404, 404, {"look": "test", "side": "source"}),
    ("POST", "/drafts/{draft_id}/jobs/{number}/fields"): Route(404, 404, {}),
    ("POST", "/drafts/{draft_id}/jobs/{number}/example"): Route(404, 404, {"row": "0"}),
    ("POST", "/drafts/{draft_id}/jobs/{number}/record"): Route(404, 404, {"try-field": "cn"}),
    ("GET", "/drafts/{draft_id}/jobs/{number}/details"): Route(404, 404),
    ("POST", "/drafts/{draft_id}/jobs/{number}/details"): Route(
        404, 404, {"number": "1", "details.name": "x"}
    ),
    ("GET", "/drafts/{draft_id}/jobs/{number}/missing"): Route(404, 404),
    ("POST", "/drafts/{draft_id}/jobs/{number}/missing"): Route(404, 404, {"number": "1"}),
    ("GET", "/drafts/{draft_id}/jobs/{number}/approval"): Route(404, 404),
    ("POST", "/drafts/{draft_id}/jobs/{number}/approval"): Route(404, 404, {"number": "1"}),
    ("POST", "/drafts/{draft_id}/jobs/{number}/approval/asked"): Route(404, 404, {"number": "1"}),
    ("GET", "/drafts/{draft_id}/jobs/{number}/review"): Route(404, 404),
    ("POST", "/drafts/{draft_id}/jobs/{number}/review"): Route(404, 404, {"number": "1", "do": "finish"}),
    ("GET", "/import-collections"): Route(200, 200),
    ("POST", "/import-collections"): Route(403, 403, {"definition": "name: {collection}", "do": "import"}),
    # What was typed stands in the form again, with why it was not saved.
    ("POST", "/new-collection"): Route(403, 403, {"definition": "name: {collection}", "do": "save"}),
    ("GET", "/collections/{name}/edit"): Route(404, 403),
    ("POST", "/collections/{name}/edit"): Route(
        404, 403, {"definition": "name: {collection}", "expected": "1", "do": "save"}
    ),
    ("GET", "/collections/{name}/versions/{number}"): Route(404, 200),
    ("POST", "/collections/{name}/restore"): Route(404, 403, {"number": "1", "expected": "1"}),
    # The form says who can run it, to those who can not.
    ("GET", "/collections/{name}/run"): Route(404, 200),
    ("POST", "/collections/{name}/run"): Route(404, 403, _REASON),
    ("POST", "/collections/{name}/switch"): Route(404, 403, {"on": "yes"}),
    ("POST", "/collections/{name}/pin"): Route(404, 303, {"on": "yes"}),
    ("GET", "/collections/{name}/rename"): Route(404, 403),
    ("POST", "/collections/{name}/rename"): Route(404, 403, {"to": "renamed", "expected": "1"}),
    ("GET", "/collections/{name}/template"): Route(404, 403),
    ("GET", "/collections/{name}/template.yaml"): Route(404, 403),
    ("POST", "/collections/{name}/template"): Route(404, 403, {"template": "crews"}),
    ("GET", "/collections/{name}/schedule"): Route(404, 403),
    ("POST", "/collections/{name}/schedule"): Route(404, 403, {"schedule": "@daily", "expected": "1"}),
    ("GET", "/collections/{name}/delete"): Route(404, 403),
    ("POST", "/collections/{name}/delete"): Route(404, 403, {"confirm": "{collection}", "expected": "1"}),
    ("POST", "/collections/{name}/preview"): Route(404, 403, {}),
    ("GET", "/previews/{preview_id}"): Route(404, 404),
    ("POST", "/previews/{preview_id}/cancel"): Route(404, 404, {}),
    ("GET", "/previews/{preview_id}/jobs/{job}"): Route(404, 404),
    ("GET", "/previews/{preview_id}/jobs/{job}/effects"): Route(404, 404),
    ("GET", "/requests"): Route(200, 200),
    ("GET", "/requests/count"): Route(200, 200),
    ("GET", "/requests/ask"): Route(200, 200),
    ("POST", "/requests/decide"): Route(303, 303, {"do": "approve", "selected": "{id}:{digest}"}),
    ("GET", "/requests/{request_id}"): Route(404, 200),
    ("GET", "/requests/{request_id}/live"): Route(404, 200),
    ("GET", "/requests/{request_id}/changes"): Route(404, 200),
    ("GET", "/requests/{request_id}/changes/{sequence}"): Route(404, 200),
    # The form says who can decide, to those who can not.
    ("GET", "/requests/{request_id}/ask"): Route(404, 200),
    ("GET", "/requests/{request_id}/comparison"): Route(404, 200),
    ("POST", "/requests/{request_id}/approve"): Route(404, 403, _DECISION),
    ("POST", "/requests/{request_id}/deny"): Route(404, 403, _DECISION),
    ("POST", "/requests/{request_id}/reroute"): Route(404, 403, {"users": "vera"}),
    ("POST", "/requests/{request_id}/cancel"): Route(404, 403, {}),
    ("POST", "/requests/{request_id}/replan"): Route(404, 403, {}),
    ("POST", "/requests/{request_id}/comment"): Route(404, 303, {"text": "May I?"}),
    # Tabs show on every DAG: one without a sync, or one that is hidden, gets a friendly page.
    ("GET", "/embed/run"): Route(200, 200),
    ("GET", "/embed/ti"): Route(200, 200),
    ("GET", "/embed/dag"): Route(200, 200),
    ("GET", "/embed/task"): Route(200, 200),
    ("GET", "/plans/{plan_id}/changes/{sequence}"): Route(404, 200),
    ("GET", "/runs/{collection}/{run_id}/report"): Route(404, 200),
    ("GET", "/runs/{collection}/{run_id}/comparison"): Route(404, 200),
    # As Airflow's own page of a log: viewers of the simple auth manager may read it, a role of FAB has to be
    # given that right.
    ("GET", "/runs/{collection}/{run_id}/log"): Route(404, 200, looker_of_fab=403),
    ("GET", "/collections/{name}/runs"): Route(404, 200),
    # There is nothing to waive in this run; `test_api_actions` asks about one that a limit has stopped.
    ("GET", "/embed/waiver"): Route(404, 404),
    # The form says who can stop it, to those who can not.
    ("GET", "/embed/stop"): Route(404, 200),
    ("POST", "/embed/stop"): Route(404, 403, _REASON),
    ("POST", "/embed/waiver"): Route(404, 403, _REASON),
}
"""Every route of the portal.

One that is missing here makes a test fail: think about who may use it before adding it.
"""

PUBLIC = {"/static"}
"""Mounted folders that need no login."""

_QUERIES = {
    "/requests/ask": {"do": "approve", "selected": "{id}:{digest}"},
    "/requests/{request_id}/ask": {"do": "approve"},
    "/embed/run": {"dag_id": "{collection}", "run_id": "{run_id}"},
    "/embed/ti": {
        "dag_id": "{collection}",
        "run_id": "{run_id}",
        "task_id": "people",
        "map_index": "{{MAP_INDEX}}",
    },
    "/embed/dag": {"dag_id": "{collection}"},
    "/embed/task": {"dag_id": "{collection}", "task_id": "people"},
    "/api/v1/collections/{name}": {"expected": "1", "confirm": "{collection}"},
    "/selected-collections": {"do": "export", "selected": "{collection}"},
    "/search": {"q": "{collection}"},
    "/embed/stop": {"dag_id": "{collection}", "run_id": "{run_id}"},
    "/embed/waiver": {"dag_id": "{collection}", "run_id": "{run_id}", "job": "people"},
}

_PATHS = {"/templates/{kind}/{name}": "/templates/jobs/sync_gal", "/help/{name}": "/help/index"}
"""What has a name that is no collection's."""

EVERY = [pytest.param(method, path, id=f"{method} {path}") for method, path in ROUTES]


def _filled(value: Any, asked: Asked, collection: str) -> Any:
    match value:
        case "{id}":
            return asked.id
        case str():
            names = {"id": asked.id, "request_id": asked.id, "plan_id": asked.plan_id, "run_id": asked.run_id}
            names |= {"collection": collection, "name": collection, "number": 1}
            names |= {"digest": asked.digest, "job": "people", "sequence": 0, "kind": "jobs"}
            names["preview_id"] = asked.preview
            names["draft_id"] = asked.draft
            return value.format(**names)
        case dict():
            return {key: _filled(each, asked, collection) for key, each in value.items()}
        case list():
            return [_filled(each, asked, collection) for each in value]
        case _:
            return value


def saved(server: PortalServer, name: str) -> int:
    """The number of the newest version of the collection, which is saved if it is not yet."""
    found = server.store.collections.get(name)
    return (found or server.store.collections.save(name, text_of(name), expected=0, by=ADA)).number


def call(
    server: PortalServer, user: str | None, method: str, path: str, asked: Asked, collection: str
) -> Any:
    """Call a route about a request."""
    headers = {"sec-fetch-site": "same-origin"}
    query = _filled(_QUERIES.get(path, {}), asked, collection)
    body = _filled(ROUTES[method, path].body, asked, collection)
    kind = {} if method == "GET" else {"json": body} if path.startswith("/api/") else {"data": body}
    if path in ("/embed/waiver", "/embed/stop") and method == "POST":
        kind["data"] = {**query, **body}
    path = _PATHS.get(path) or _filled(path, asked, collection)
    return server.client(user).request(method, path, params=query, headers=headers, **kind)


def test_every_route_stands_in_the_table() -> None:
    """A new route is not forgotten: it has to be added to the table, with what it answers to whom."""
    from directory_sync.portal.app import create_app

    app = create_app()
    found = {
        (method, route.path)
        for route in app.routes
        for method in getattr(route, "methods", None) or {"MOUNT"}
    }
    assert found == set(ROUTES) | {("MOUNT", path) for path in PUBLIC}


@pytest.mark.parametrize(("method", "path"), EVERY)
def test_every_route_needs_a_login(server: PortalServer, method: str, path: str) -> None:
    """Without a login there is no answer but 401, whatever is asked; nothing is done."""
    asked = ask(server)
    answer = call(server, None, method, path, asked, "crew")
    assert answer.status_code == 401, answer.text
    assert "not signed in" in answer.text
    assert server.store.requests.get(asked.id).request.state == "pending"


@pytest.mark.parametrize(("method", "path"), EVERY)
def test_every_route_respects_who_may_only_look(server: PortalServer, method: str, path: str) -> None:
    """Somebody who may see a collection, but neither decide nor run it, can read and comment, and nothing
    else.
    """
    ask(server, name=PAUSED)  # so that there is something to compare with
    asked = ask(server, name=PAUSED)
    number = saved(server, PAUSED)
    before = [event.kind for event in server.store.requests.get(asked.id).events]
    answer = call(server, "vera", method, path, asked, PAUSED)
    route = ROUTES[method, path]
    expected = (server.kind == "fab" and route.looker_of_fab) or route.looker
    assert answer.status_code == expected, answer.text
    view = server.store.requests.get(asked.id)
    assert view.request.state == "pending"
    assert saved(server, PAUSED) == number
    commented = ["commented"] if path.endswith("/comment") else []
    assert [event.kind for event in view.events] == before + commented


@pytest.mark.parametrize(("method", "path"), EVERY)
def test_every_route_hides_what_airflow_hides(fab: PortalServer, method: str, path: str) -> None:
    """Somebody who may not see a collection's DAG gets the answer of something that does not exist."""
    asked = ask(fab, name=HIDDEN)
    number = saved(fab, HIDDEN)
    answer = call(fab, "gina", method, path, asked, HIDDEN)
    assert saved(fab, HIDDEN) == number
    assert answer.status_code == ROUTES[method, path].hidden, answer.text
    assert "ou=people,dc=office" not in answer.text
    assert fab.store.requests.get(asked.id).request.state == "pending"


def test_a_page_without_a_login_leads_to_the_sign_in_and_back(simple: PortalServer) -> None:
    """The page of a mail's link says how to sign in, and where that leads; under a part of a page the page
    stays as it is.
    """
    answer = simple.client(None).get("/requests/7?said=x")
    assert answer.status_code == 401
    assert "/api/v2/auth/login?next=%2Fplugin%2Fdirsync%2Fdirsync%2Frequests%2F7%3Fsaid%3Dx" in answer.text
    part = simple.client(None).get("/requests/count", headers={"hx-request": "true"})
    assert part.status_code == 401
    assert "hx-refresh" not in part.headers
