"""The REST API of saved collections, in a real API server: who may, what is refused, and what is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx
import pytest

from directory_sync.collections.documents import join, split
from directory_sync.definition.documents import MAX_BYTES
from directory_sync.store import saved_collections
from tests.portal.asking import ask
from tests.scenarios.portal_server import COLLECTION, HIDDEN, PAUSED, PortalServer
from tests.scenarios.saved import ADA, text_of

PREFIX = "/api/v1"
API = f"{PREFIX}/collections"
JSON = {"content-type": "application/json"}
_numbers = count(1)


def new_name() -> str:
    """A name that no test has used."""
    return f"saved_{next(_numbers)}"


def put(server: PortalServer, user: str | None, name: str, text: str, expected: int = 0) -> httpx.Response:
    """Save a collection."""
    body = {"text": text, "expected": expected, "comment": "a test"}
    return server.client(user).put(f"{API}/{name}", json=body)


def saved(server: PortalServer, **given: Any) -> str:
    """The name of a new collection, saved by the administrator."""
    name = new_name()
    put(server, "admin", name, text_of(name, **given)).raise_for_status()
    return name


def audit(server: PortalServer, event: str, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Owner and facts of an event in Airflow's audit log."""
    rows = server.metadata("select owner, extra from log where event = ? and dag_id = ?", event, name)
    return [(owner, json.loads(extra)) for owner, extra in rows]


@pytest.fixture
def hidden(fab: PortalServer) -> str:
    """A saved collection whose DAG not everybody may see."""
    if fab.store.collections.get(HIDDEN) is None:
        fab.store.collections.save(HIDDEN, text_of(HIDDEN), expected=0, by=ADA)
    return HIDDEN


@contextmanager
def owned_by(server: PortalServer, user: str) -> Iterator[None]:
    """A saved collection that a person owns, and that everyone may see."""
    text = text_of(COLLECTION, owners=[user])
    saved = server.store.collections.save(COLLECTION, text, expected=0, by=ADA)
    try:
        yield
    finally:
        discard(server, saved.number)


def discard(server: PortalServer, number: int) -> None:
    """Delete the collection that everyone may see, whatever requests of its name other tests left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saved_collections, "require_nothing_under_way", lambda *_: None)
        server.store.collections.delete(COLLECTION, expected=number, by=ADA)


def test_a_collection_is_created_edited_and_read(server: PortalServer) -> None:
    """Its text comes back exactly; versions say who, why and what changed; Airflow's audit log has it."""
    name = new_name()
    text = f"# {name}\n{text_of(name, limits={'delete': 5}, owners=['ida'])}"
    created = put(server, "admin", name, text)
    assert created.status_code == 200, created.text
    assert created.json()["version"]["number"] == 1
    edited = put(server, "ida", name, text.replace("delete: 5", "delete: none"), 1).json()
    assert [(each["code"], each["weakens"], each["text"]) for each in edited["version"]["changes"]] == [
        ("limit_removed", True, "limit on deletions removed: 5 → none")
    ]
    answer = server.client("hugo").get(f"{API}/{name}").json()
    assert answer["text"] == text.replace("delete: 5", "delete: none")
    assert [(each["number"], each["saved_by"], each["comment"]) for each in answer["versions"]] == [
        (2, "ida", "a test"),
        (1, "admin", "a test"),
    ]
    assert answer["may_edit"].startswith("You may not")
    assert answer["problems"] == []
    assert answer["dag"]["state"] == "waiting"
    assert "DAG processor" in answer["dag"]["message"]
    first = server.client("hugo").get(f"{API}/{name}/versions/1").json()
    assert (first["text"], first["version"]["number"]) == (text, 1)
    assert [(owner, facts["version"], facts["weakened"])
            for owner, facts in audit(server, "directory_sync.save_collection", name)] == [
        ("admin", 1, []),
        ("ida", 2, ["limit_removed"]),
    ]  # fmt: skip


def test_the_list_has_what_is_visible(server: PortalServer) -> None:
    """By name, with what a list shows; whether one may edit is told for each."""
    name = saved(server, title="<b>Crew</b>", owners=["ida"], schedule=["@daily", {"every": "90m"}])
    for user, may_edit, may_create in (("admin", True, True), ("ida", True, False), ("vera", False, False)):
        answer = server.client(user).get(API).json()
        names = [each["name"] for each in answer["collections"]]
        assert names == sorted(names)
        assert answer["may_create"] == may_create
        if server.kind == "fab" and user == "vera":
            assert name not in names  # she may read one DAG only
            continue
        [found] = [each for each in answer["collections"] if each["name"] == name]
        assert (found["title"], found["schedule"], found["jobs"], found["may_edit"], found["usable"]) == (
            "<b>Crew</b>", ["@daily", "every 1h30m"], ["people"], may_edit, True,
        )  # fmt: skip


def test_who_may_not_is_refused_and_nothing_is_done(server: PortalServer) -> None:
    """An operator of Airflow is no editor; neither is a viewer. What is wrong with the text is not told."""
    name = saved(server)
    for user in ("olga", "hugo"):
        client = server.client(user)
        for answer in (
            put(server, user, name, "broken", 1),
            put(server, user, new_name(), text_of("x")),
            client.delete(f"{API}/{name}", params={"expected": 1, "confirm": name}),
            client.post(f"{API}/{name}/restore", json={"number": 1, "expected": 1}),
            client.post(f"{API}/check", json={"text": text_of(name)}),
            client.post(f"{API}/check", json={"text": "broken"}),
            client.post(f"{API}/import", json={"text": text_of(new_name())}),
            client.post(f"{API}/import", json={"text": "# nothing", "check_only": True}),
        ):
            assert answer.status_code == 403, answer.text
            assert answer.json()["error"] == "EditRefused"
            assert "definition_problems" not in answer.json()
    assert [each.number for each in server.store.collections.versions(name)] == [1]


def test_what_airflow_hides_does_not_exist(fab: PortalServer, hidden: str) -> None:
    """The same answer as for what is not there, whatever is asked, and no trace in lists and exports."""
    client = fab.client("gina")
    missing = "no_such_collection"
    for method, path, body in (
        ("GET", f"{API}/{{}}", None),
        ("GET", f"{API}/{{}}/versions", None),
        ("GET", f"{API}/{{}}/versions/1", None),
        ("PUT", f"{API}/{{}}", {"text": "x", "expected": 1}),
        ("DELETE", f"{API}/{{}}?expected=1&confirm=x", None),
        ("POST", f"{API}/{{}}/restore", {"number": 1, "expected": 1}),
        ("POST", f"{API}/{{}}/runs", {}),
        ("GET", f"{API}.yaml?name={{}}", None),
    ):
        answers = [client.request(method, path.format(name), json=body) for name in (hidden, missing)]
        assert [answer.status_code for answer in answers] == [404, 404], (method, path)
        assert answers[0].text.replace(hidden, missing) == answers[1].text
    assert hidden not in client.get(API).text
    assert hidden not in client.get(f"{API}.yaml").text
    texts = [{"text": text_of(name)} for name in (hidden, missing)]
    refused = [client.post(f"{API}/check", json=each) for each in texts]
    assert [answer.status_code for answer in refused] == [403, 403]
    assert refused[0].text == refused[1].text
    with owned_by(fab, "gina"):
        checked = client.post(f"{API}/check", json=texts[0])
        assert (checked.status_code, checked.json()["error"]) == (404, "CollectionNotFound")
        [item] = client.post(f"{API}/import", json=texts[0]).json()["items"]
        assert (item["error"], item["version"], item["changes"]) == ("CollectionNotFound", 0, [])
        own = client.post(f"{API}/check", json={"text": text_of(COLLECTION, owners=["gina"], title="x")})
        assert own.json()["usable"]


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("{text}colour: red\n", "colour", 17),
        ("name: {name}\njobs: []\n", "jobs", 2),
        ("name: <script>alert(1)</script>\n", "name", 1),
        ("# " + "x" * MAX_BYTES, "", 1),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n" + "d: [" + "*c, " * 60_000 + "*c]\n", "", 1),
        ("name: {name}\x00", "", 1),
    ],
    ids=["key", "jobs", "html", "too_large", "bomb", "nul"],
)
def test_a_definition_that_is_wrong_is_told_with_lines(
    simple: PortalServer, text: str, key: str, line: int
) -> None:
    """As JSON, with place, message and hint of everything; nothing is saved."""
    name = new_name()
    answer = put(simple, "admin", name, text.replace("{text}", text_of(name)).replace("{name}", name))
    assert answer.status_code == 422, answer.text[:500]
    body = answer.json()
    assert body["error"] == "DefinitionError"
    assert (key, line) in {(each["key"], each["line"]) for each in body["definition_problems"]}
    assert all(each["file"] == name and each["message"] for each in body["definition_problems"])
    assert simple.store.collections.get(name) is None


def test_bodies_that_make_no_sense(simple: PortalServer) -> None:
    """Are refused with what is wrong; a name that no collection can have is a problem of the definition."""
    client = simple.client("admin")
    assert client.put(f"{API}/x", json={"text": "x"}).json()["problems"] == {"expected": "Field required."}
    assert client.put(f"{API}/x", json={"text": "x", "expected": 0, "force": True}).status_code == 422
    assert client.put(f"{API}/x", json={"text": "x" * (3 * MAX_BYTES), "expected": 0}).status_code == 422
    assert client.put(f"{API}/x", content=b'{"text": "\xff"}').status_code in (400, 422)
    for name in ("No%20Name", "%3Cb%3E", "ä", "x" * 101, "%F0%9F%98%80", "a%00b"):
        assert client.get(f"{API}/{name}").status_code == 404
        assert client.put(f"{API}/{name}", json={"text": text_of(), "expected": 0}).status_code == 422
    name = saved(simple)
    for number in (0, -1, 2**31, 10**30):  # more than a database can be asked for is no version either
        assert client.get(f"{API}/{name}/versions/{number}").status_code == 404
        restored = client.post(f"{API}/{name}/restore", json={"number": number, "expected": 1})
        assert restored.status_code == (404 if number > 0 else 422)
    # Half of a pair is no text; it can be sent as an escape.
    for path, body in (
        ("import", {"text": text_of("crew"), "choices": {"crew": {"do": "rename", "to": "\ud800"}}}),
        ("check", {"text": "name: x # \ud800"}),
    ):
        answer = client.post(f"{API}/{path}", content=json.dumps(body), headers=JSON)
        assert (answer.status_code, answer.json()["error"]) == (422, "ValidationError")


def test_the_second_editor_is_told_of_the_first(server: PortalServer) -> None:
    """Who, when, and which version; with eight at once, one wins."""
    name = saved(server)
    start = threading.Barrier(8)

    def edit(number: int) -> httpx.Response:
        client = httpx.Client(
            base_url=f"{server.url}/dirsync",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            trust_env=False,
        )
        with client:
            start.wait()
            return client.put(f"{API}/{name}", json={"text": text_of(name, title=f"{number}"), "expected": 1})

    token = server.token("admin")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(edit, range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    for answer in answers:
        if answer.status_code == 409:
            body = answer.json()
            assert (body["error"], body["by"], body["number"]) == ("CollectionChanged", "admin", 2)
            assert body["at"].startswith("20")
    assert len(server.store.collections.versions(name)) == 2


def test_names_of_other_dags_are_taken(server: PortalServer) -> None:
    """A DAG that Airflow has from elsewhere keeps its name."""
    answer = put(server, "admin", COLLECTION, text_of(COLLECTION))
    assert (answer.status_code, answer.json()["error"]) == (409, "NameTaken")
    checked = server.client("admin").post(f"{API}/check", json={"text": text_of(COLLECTION)}).json()
    assert (checked["usable"], bool(checked["taken"])) == (False, True)


def test_names_of_definition_files_are_taken(server: PortalServer) -> None:
    """Also before Airflow has read the file."""
    name = new_name()
    folder = server.folder / "dags" / "collections"
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}.yaml"
    file.write_text(text_of(name), encoding="utf-8")
    answer = put(server, "admin", name, text_of(name, title="saved"))
    assert (answer.status_code, answer.json()["error"]) == (409, "NameTaken")
    assert f"{name}.yaml" in answer.json()["detail"]
    file.unlink()
    assert put(server, "admin", name, text_of(name)).status_code == 200


def test_checking_saves_nothing(server: PortalServer) -> None:
    """And says what would change."""
    name = saved(server)
    body = {"text": text_of(name, jobs=[]), "name": name}
    broken = server.client("admin").post(f"{API}/check", json=body).json()
    assert (broken["usable"], broken["problems"][0]["key"], broken["number"]) == (False, "jobs", 1)
    good = server.client("admin").post(f"{API}/check", json={"text": text_of(name, title="x")}).json()
    assert (good["usable"], good["changes"][0]["text"]) == (True, "title: none → x")
    assert len(server.store.collections.versions(name)) == 1


def test_deleting_needs_the_name_and_nothing_under_way(server: PortalServer) -> None:
    """Runs and requests are named; versions and requests stay; restoring begins again."""
    client = server.client("admin")
    name = saved(server)
    asked = ask(server, name=name)
    target = {"expected": 1, "confirm": name, "comment": "moved"}
    assert client.delete(f"{API}/{name}", params={**target, "confirm": "x"}).json()["problems"].keys() == {
        "confirm"
    }
    in_use = client.delete(f"{API}/{name}", params=target)
    assert (in_use.status_code, in_use.json()["error"]) == (409, "CollectionInUse")
    assert in_use.json()["requests"] == [asked.id]
    server.store.decisions.cancel(asked.id, "ida", reason="")
    deleted = client.delete(f"{API}/{name}", params=target)
    assert (deleted.status_code, deleted.json()["deleted"], deleted.json()["comment"]) == (200, True, "moved")
    assert client.get(f"{API}/{name}").status_code == 404
    assert [each["number"] for each in client.get(f"{API}/{name}/versions").json()["versions"]] == [2, 1]
    assert client.get(f"/api/v1/requests/{asked.id}").status_code == 200
    assert audit(server, "directory_sync.delete_collection", name)[0][0] == "admin"
    restored = client.post(f"{API}/{name}/restore", json={"number": 1, "expected": 0})
    assert (restored.status_code, restored.json()["version"]["number"]) == (200, 1)


def test_a_running_run_keeps_its_collection(server: PortalServer) -> None:
    """As Airflow knows it."""
    if server.store.collections.get(PAUSED) is None:
        server.store.collections.save(PAUSED, text_of(PAUSED), expected=0, by=ADA)
    from_dag = server.metadata("select run_id from dag_run where dag_id = ?", COLLECTION)
    client = server.client("admin")
    if server.store.collections.get(COLLECTION) is None:
        server.store.collections.save(COLLECTION, text_of(COLLECTION), expected=0, by=ADA)
    try:
        with server.newest_read(COLLECTION):
            started = client.post(f"{API}/{COLLECTION}/runs", json={"reason": "go", "jobs": ["people"]})
        assert started.status_code == 200, started.text
        run_id = started.json()["run_id"]
        rows = server.metadata("select conf from dag_run where run_id = ?", run_id)
        assert len(server.metadata("select run_id from dag_run where dag_id = ?", COLLECTION)) > len(from_dag)
        assert rows
        in_use = client.delete(f"{API}/{COLLECTION}", params={"expected": 1, "confirm": COLLECTION})
        assert in_use.status_code == 409
        assert run_id in in_use.json()["runs"]
        assert audit(server, "directory_sync.run_collection", COLLECTION)[-1][1]["started"] == run_id
        unknown = client.post(f"{API}/{COLLECTION}/runs", json={"jobs": ["zapp"]})
        assert (unknown.status_code, list(unknown.json()["problems"])) == (422, ["jobs"])
        with server.newest_read(PAUSED):
            paused = client.post(f"{API}/{PAUSED}/runs", json={"preview_only": True})
        assert (paused.status_code, paused.json()["error"]) == (409, "NotDecidable")
        assert server.client("hugo").post(f"{API}/{COLLECTION}/runs", json={}).status_code == 403
    finally:
        server.metadata("update dag_run set state = 'success' where dag_id = ?", COLLECTION)
        newest = server.store.collections.get(COLLECTION)
        assert newest is not None
        discard(server, newest.number)


def test_a_dag_that_is_no_collection_is_not_started(simple: PortalServer) -> None:
    """Whatever else Airflow runs is none of our business."""
    assert simple.client("admin").post(f"{API}/etl/runs", json={}).status_code == 404


def test_what_is_exported_can_be_imported(server: PortalServer) -> None:
    """The same texts; a clash needs a choice about the version that was seen; missing connections are
    named.
    """
    client = server.client("admin")
    names = [saved(server, title=f"<i>{number}</i>") for number in range(3)]
    exported = client.get(f"{API}.yaml", params={"name": names})
    assert exported.headers["content-type"].startswith("application/yaml")
    assert exported.text == join(text_of(name, title=f"<i>{i}</i>") for i, name in enumerate(names))
    assert len(split(client.get(f"{API}.yaml").text)) >= 3

    def states(**body: Any) -> list[str]:
        items = client.post(f"{API}/import", json={"text": exported.text, **body}).json()["items"]
        return [each["state"] for each in items]

    assert states() == ["unchanged"] * 3
    put(server, "admin", names[0], text_of(names[0], title="newer"), 1)
    put(server, "admin", names[1], text_of(names[1], title="newer"), 1)
    assert states(check_only=True) == ["clash", "clash", "unchanged"]
    assert states() == ["clash", "clash", "unchanged"]
    copy = new_name()
    choices = {
        names[0]: {"do": "replace", "expected": 2},
        names[1]: {"do": "rename", "to": copy},
        names[2]: {"do": "skip"},
    }
    answer = client.post(f"{API}/import", json={"text": exported.text, "choices": choices, "comment": "back"})
    items = answer.json()["items"]
    assert [(each["state"], each["saved_as"], each["version"]) for each in items] == [
        ("saved", names[0], 3),
        ("saved", copy, 1),
        ("skipped", names[2], 1),
    ]
    assert items[0]["missing_connections"] == ["corp", "lab"]
    assert audit(server, "directory_sync.import_collection", copy)[0][1]["comment"] == "back"


def test_forged_changes_are_refused(simple: PortalServer) -> None:
    """A browser that was sent from elsewhere changes nothing, by whatever method."""
    name = saved(simple)
    client = simple.client("admin")
    for method, path, body in (
        ("PUT", f"{API}/{name}", {"text": text_of(name, title="x"), "expected": 1}),
        ("DELETE", f"{API}/{name}?expected=1&confirm={name}", None),
        ("POST", f"{API}/{name}/restore", {"number": 1, "expected": 1}),
        ("POST", f"{API}/import", {"text": text_of(new_name())}),
    ):
        answer = client.request(method, path, json=body, headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 403
        assert answer.json()["error"] == "NotAllowed"
    assert len(simple.store.collections.versions(name)) == 1


def test_a_session_that_has_ended_loses_nothing(simple: PortalServer) -> None:
    """It is told so, and the text can be sent again."""
    name = new_name()
    token = {"Authorization": "Bearer eyJhbGciOiJIUzUxMiJ9.e30.x"}
    answer = httpx.put(
        f"{simple.url}/dirsync{API}/{name}",
        json={"text": text_of(name), "expected": 0},
        headers=token,
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code in (401, 403)
    assert simple.store.collections.get(name) is None
    assert put(simple, "admin", name, text_of(name)).status_code == 200


def test_five_hundred_collections_are_listed_quickly(simple: PortalServer) -> None:
    """The first time each is read; then in a fraction of a second."""
    texts = [text_of(f"many_{number}", title=f"Crew {number}") for number in range(500)]
    client = simple.client("admin")
    begun = time.monotonic()
    items = client.post(f"{API}/import", json={"text": join(texts)}, timeout=300).json()["items"]
    assert {each["state"] for each in items} <= {"saved", "unchanged"}
    imported = time.monotonic() - begun
    client.get(API)
    took = []
    for _ in range(5):
        begun = time.monotonic()
        answer = client.get(API).json()
        took.append(time.monotonic() - begun)
    assert len([each for each in answer["collections"] if each["name"].startswith("many_")]) == 500
    print(f"500 imported in {imported:.1f} s, listed in {min(took):.3f} s")
    assert min(took) < 2
    for number in range(500):
        simple.store.collections.delete(f"many_{number}", expected=1, by=ADA)


def test_the_description_has_every_route(simple: PortalServer) -> None:
    """With what is answered and how it fails."""
    described = simple.client("vera").get("/api/v1/openapi.json").json()
    paths = {path.removeprefix(PREFIX) for path in described["paths"] if "/collections" in path}
    assert paths == {
        *("/collections", "/collections.yaml", "/collections/check", "/collections/import"),
        *("/collections/{name}", "/collections/{name}/versions", "/collections/{name}/versions/{number}"),
        *("/collections/{name}/rename", "/collections/{name}/restore", "/collections/{name}/runs"),
    }
    put_ = described["paths"][f"{PREFIX}/collections/{{name}}"]["put"]
    assert put_["responses"]["422"]["content"]["application/json"]["schema"]["$ref"].endswith(
        "DefinitionErrorAnswer"
    )
