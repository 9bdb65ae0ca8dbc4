"""Editing, deleting, restoring, running and importing collections on pages, in a real API server: who may,
and that nothing that was typed is lost.
"""

from __future__ import annotations

import html
import re
from itertools import count
from typing import Any

import httpx
import pytest

from directory_sync.definition.documents import MAX_BYTES
from directory_sync.store import saved_collections
from tests.portal.asking import ask
from tests.portal.pages_client import check, text_of
from tests.scenarios.portal_server import COLLECTION, PAUSED, PortalServer
from tests.scenarios.saved import ADA
from tests.scenarios.saved import text_of as definition

_numbers = count(1)
FORM = {"sec-fetch-site": "same-origin"}


def post(server: PortalServer, user: str | None, path: str, **data: Any) -> httpx.Response:
    """Send a form as a browser does: lines end with CR LF."""
    sent = {name: value.replace("\n", "\r\n") for name, value in data.items() if isinstance(value, str)}
    rest = {name: value for name, value in data.items() if not isinstance(value, str)}
    answer = server.client(user).post(path, data=sent | rest, headers=FORM)
    if answer.status_code not in (303, 401):
        check(answer.text)
    return answer


def page(server: PortalServer, user: str, path: str, status: int = 200) -> str:
    """A page."""
    answer = server.client(user).get(path)
    assert answer.status_code == status, answer.text
    check(answer.text)
    return answer.text


def new_name() -> str:
    """A name that no test has used."""
    return f"edited_{next(_numbers)}"


def saved(server: PortalServer, **given: Any) -> str:
    """The name of a collection that the administrator has made on the page."""
    name = new_name()
    answer = post(server, "admin", "/new-collection", definition=definition(name, **given), do="save")
    assert answer.status_code == 303, answer.text
    return name


def typed(text: str) -> str:
    """What stands in the form's field."""
    found = re.search(r"<textarea id=\"definition\"[^>]*>\n(.*?)</textarea>", text, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def newest(server: PortalServer, name: str) -> Any:
    """The newest version."""
    return server.store.collections.get(name)


def test_a_new_collection_is_checked_and_saved(simple: PortalServer) -> None:
    """Checking saves nothing; the saved text is what was typed; the page says that it was saved."""
    name = new_name()
    text = f"# why <b>not</b>\n{definition(name, title='One')}"
    assert typed(page(simple, "admin", "/new-collection")).startswith("# A job collection")
    checked = post(simple, "admin", "/new-collection", definition=text, do="check")
    assert checked.status_code == 200
    assert "This definition can be saved. It changes:collection created" in text_of(checked.text)
    assert typed(checked.text) == text
    assert newest(simple, name) is None
    done = post(simple, "admin", "/new-collection", definition=text, comment="<i>new</i>", do="save")
    assert done.status_code == 303
    assert done.headers["location"] == f"/dirsync/collections/{name}?said=collection-saved"
    assert (newest(simple, name).text, newest(simple, name).comment) == (text, "<i>new</i>")
    seen = page(simple, "vera", f"/collections/{name}?said=collection-saved")
    assert "Saved. Runs that begin" in text_of(seen)
    assert "<i>new</i>" not in seen
    again = post(simple, "admin", f"/collections/{name}/edit", definition=text, expected="1", do="save")
    assert again.headers["location"].endswith("said=collection-unchanged")


def test_the_example_is_right_but_for_its_connections(simple: PortalServer) -> None:
    """What a new collection begins with can be saved as it stands by an administrator."""
    answer = post(
        simple, "admin", "/new-collection", definition=typed(page(simple, "admin", "/new-collection"))
    )
    assert answer.status_code == 200, text_of(answer.text)


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("", "is empty", 0),
        ("name: x\nname: y\n", "", 2),
        ("name: [\n", "", 0),
        ("title: <script>alert(1)</script>\njobs: 3\n", "expected a list", 2),
        ("a: &a [x]\nb: [*a, *a]\nname: Böse\n", "", 0),
    ],
)
def test_what_is_wrong_stands_at_its_line(simple: PortalServer, text: str, said: str, line: int) -> None:
    """Each problem is a link to its line; the text stays."""
    answer = post(simple, "admin", "/new-collection", definition=text, comment="why", do="save")
    assert answer.status_code == 422
    assert typed(answer.text) == text
    assert 'value="why"' in answer.text
    assert "in the definition:" in text_of(answer.text)
    assert said in text_of(answer.text)
    assert "<script>alert" not in answer.text
    if line:
        assert f'href="#line-{line}"' in answer.text
        assert f'id="line-{line}"' in answer.text


def test_two_editors_do_not_overwrite_each_other(simple: PortalServer) -> None:
    """The second one sees who was first and what they changed, keeps what was typed, and may save over it."""
    name = saved(simple, title="One")
    first, second = definition(name, title="Two"), definition(name, title="Three")
    answer = post(simple, "admin", f"/collections/{name}/edit", definition=first, expected="1", do="save")
    assert answer.status_code == 303
    answer = post(simple, "ida", f"/collections/{name}/edit", definition=second, expected="1", do="save")
    assert answer.status_code == 403  # no owner
    answer = post(simple, "admin", f"/collections/{name}/edit", definition=second, expected="1", do="save")
    assert answer.status_code == 409
    text = text_of(answer.text)
    assert "admin has saved" in text
    assert "removed: title: One" in text
    assert "added: title: Two" in text
    assert typed(answer.text) == second
    assert newest(simple, name).number == 2
    assert 'name="over" value="2"' in answer.text
    post(simple, "admin", f"/collections/{name}/edit", definition=second, expected="1", over="2")
    assert (newest(simple, name).number, newest(simple, name).text) == (3, second)


def test_who_may_edit(simple: PortalServer) -> None:
    """Administrators and owners; others are told so, and what they typed stays.

    Owners choose no connections.
    """
    name = saved(simple, owners=["ida"])
    path = f"/collections/{name}/edit"
    text = definition(name, owners=["ida"], title="By its owner")
    assert "Edit as YAML</a>" in page(simple, "ida", f"/collections/{name}")
    for user in ("vera", "olga"):
        assert "Edit as YAML</a>" not in page(simple, user, f"/collections/{name}")
        page(simple, user, path, 403)
        answer = post(simple, user, path, definition=text, expected="1", do="save")
        assert (answer.status_code, typed(answer.text)) == (403, text)
    assert newest(simple, name).number == 1
    assert post(simple, "ida", path, definition=text, expected="1", do="save").status_code == 303
    other = text.replace("connection: lab", "connection: elsewhere")
    assert other != text
    answer = post(simple, "ida", path, definition=other, expected="2", do="save")
    assert (answer.status_code, typed(answer.text)) == (422, other)
    assert "elsewhere" in text_of(answer.text)
    # The right is gone while they type.
    gone = definition(name, owners=["leela"])
    post(simple, "admin", path, definition=gone, expected="2", do="save")
    answer = post(simple, "ida", path, definition=text, expected="2", do="save")
    assert (answer.status_code, typed(answer.text)) == (403, text)


def test_a_session_that_has_ended_gives_back_what_was_typed(simple: PortalServer) -> None:
    """The whole text, on the page that leads to the sign-in and back to the form."""
    name = saved(simple)
    text = definition(name, description="x" * 300_000)
    answer = post(simple, None, f"/collections/{name}/edit", definition=text, expected="1", do="save")
    assert answer.status_code == 401
    assert "x" * 300_000 in answer.text
    assert f"%2Fcollections%2F{name}%2Fedit" in answer.text
    assert newest(simple, name).number == 1


def test_the_largest_text_is_saved_and_a_larger_one_is_kept(simple: PortalServer) -> None:
    """2 MiB is the limit for all definitions."""
    name = new_name()
    text = definition(name)
    filled = text + "# " + "x" * (MAX_BYTES - len(text) - 3) + "\n"
    done = post(simple, "admin", "/new-collection", definition=filled, do="save")
    assert done.status_code == 303, done.text[-2000:]
    assert newest(simple, name).text == filled
    page(simple, "admin", f"/collections/{name}")
    answer = post(simple, "admin", f"/collections/{name}/edit", definition=filled + "#" * 100, expected="1")
    assert answer.status_code == 422
    assert "larger than 2 MiB" in text_of(answer.text[:20_000])
    assert len(typed(answer.text)) == MAX_BYTES + 100


def test_a_name_that_is_taken(simple: PortalServer) -> None:
    """By another DAG: it says which, and the text stays."""
    text = definition(COLLECTION)
    answer = post(simple, "admin", "/new-collection", definition=text, do="save")
    assert answer.status_code == 422
    assert f"The name {COLLECTION} belongs to the DAG" in text_of(answer.text)
    assert typed(answer.text) == text


def test_a_copy_has_another_name(simple: PortalServer) -> None:
    """And all else as it is, comments too."""
    name = new_name()
    post(simple, "admin", "/new-collection", definition=f"# hello\n{definition(name)}", do="save")
    text = typed(page(simple, "admin", f"/new-collection?copy={name}"))
    assert text == f"# hello\n{definition(f'{name}_copy')}"
    page(simple, "vera", f"/new-collection?copy={name}", 403)


def test_versions_are_compared_and_restored(server: PortalServer) -> None:
    """An earlier version becomes the newest one; also that of a deleted collection."""
    name = saved(server, title="One")
    post(
        server,
        "admin",
        f"/collections/{name}/edit",
        definition=definition(name, title="Two"),
        expected="1",
        do="save",
    )
    seen = page(server, "vera" if server.kind == "simple" else "hugo", f"/collections/{name}/versions/2")
    assert "added: title: Two" in text_of(seen)
    assert "Restore version" not in seen
    assert "Restore version 1" in page(server, "admin", f"/collections/{name}/versions/1?with=2")
    page(server, "admin", f"/collections/{name}/versions/9", 404)
    answer = post(server, "admin", f"/collections/{name}/restore", number="1", expected="1")
    assert answer.status_code == 409
    assert "admin has saved" in text_of(answer.text)
    answer = post(server, "admin", f"/collections/{name}/restore", number="1", expected="2", comment="back")
    assert answer.headers["location"].endswith("said=collection-restored")
    assert newest(server, name).text == definition(name, title="One")
    page(server, "admin", f"/collections/{name}/delete")
    wrong = post(
        server, "admin", f"/collections/{name}/delete", confirm="other", comment="gone", expected="3"
    )
    assert wrong.status_code == 422
    assert 'value="gone"' in wrong.text
    done = post(server, "admin", f"/collections/{name}/delete", confirm=name, comment="gone", expected="3")
    assert done.headers["location"].endswith("said=collection-deleted")
    assert newest(server, name) is None
    assert "was deleted" in text_of(page(server, "admin", f"/collections/{name}?said=collection-deleted"))
    assert f'/collections/{name}"' not in page(server, "admin", f"/collections?search={name}")
    restored = post(server, "admin", f"/collections/{name}/restore", number="1", expected="0")
    assert restored.status_code == 303
    assert newest(server, name).text == definition(name, title="One")


def test_nothing_is_deleted_while_a_request_waits(simple: PortalServer) -> None:
    """The page names what is under way."""
    name = saved(simple)
    asked = ask(simple, name=name)
    assert f"Request {asked.id}" in text_of(page(simple, "admin", f"/collections/{name}/delete"))
    answer = post(simple, "admin", f"/collections/{name}/delete", confirm=name, expected="1")
    assert answer.status_code == 409
    assert f"request {asked.id}" in text_of(answer.text)
    assert newest(simple, name) is not None


def test_a_collection_is_switched_and_run(simple: PortalServer) -> None:
    """By those whom Airflow lets do so; one that is off is switched on by the form of the run."""
    for name in (COLLECTION, PAUSED):
        if newest(simple, name) is None:
            simple.store.collections.save(name, definition(name), expected=0, by=ADA)

    def paused(name: str) -> bool:
        return bool(simple.metadata("select is_paused from dag where dag_id = ?", name)[0][0])

    try:
        assert post(simple, "vera", f"/collections/{COLLECTION}/switch", on="no").status_code == 403
        answer = post(simple, "ida", f"/collections/{COLLECTION}/switch", on="no")
        assert answer.headers["location"].endswith("said=collection-off")
        assert paused(COLLECTION)
        assert "Switch on</button>" in page(simple, "ida", f"/collections/{COLLECTION}")
        form = page(simple, "ida", f"/collections/{COLLECTION}/run")
        assert "This collection is switched off" in text_of(form)
        with simple.newest_read(COLLECTION):
            refused = post(simple, "ida", f"/collections/{COLLECTION}/run", reason="a <b>test</b>")
        assert refused.status_code == 409
        assert "a &lt;b&gt;test" in refused.text
        assert post(simple, "vera", f"/collections/{COLLECTION}/run", switch_on="yes").status_code == 403
        assert paused(COLLECTION)
        unknown = post(simple, "ida", f"/collections/{COLLECTION}/run", jobs="zapp", reason="r")
        assert unknown.status_code == 422
        with simple.newest_read(COLLECTION):
            done = post(
                simple,
                "ida",
                f"/collections/{COLLECTION}/run",
                reason="go",
                switch_on="yes",
                preview_only="yes",
            )
        assert done.status_code == 303, text_of(done.text)
        assert not paused(COLLECTION)
        run = simple.metadata(
            "select run_id, triggering_user_name from dag_run where dag_id = ? order by id desc", COLLECTION
        )[0]
        assert run[1] == "ida"
        assert run[0] in text_of(page(simple, "vera", f"/collections/{COLLECTION}"))
        audit = simple.metadata("select event from log where dag_id = ?", COLLECTION)
        assert {("directory_sync.switch_collection",), ("directory_sync.run_collection",)} <= set(audit)
    finally:
        simple.metadata("update dag_run set state = 'success' where dag_id = ?", COLLECTION)
        simple.metadata("update dag set is_paused = (dag_id = ?)", PAUSED)
        with pytest.MonkeyPatch.context() as patch:
            # Other tests leave requests of these names.
            patch.setattr(saved_collections, "require_nothing_under_way", lambda *_: None)
            for name in (COLLECTION, PAUSED):
                simple.store.collections.delete(name, expected=newest(simple, name).number, by=ADA)


def test_a_file_is_looked_at_and_imported(simple: PortalServer) -> None:
    """Each name that is taken is asked about: skip, replace, rename."""
    one, two, fresh, copy = saved(simple), saved(simple), new_name(), new_name()
    texts = [definition(name, title="imported") for name in (one, two, fresh)]
    text = "---\n".join([*texts, "name: broken_one\njobs: <b>3</b>\n"])
    look = simple.client("admin").post(
        "/import-collections", files={"file": ("c.yaml", text.encode())}, headers=FORM
    )
    check(look.text)
    assert look.status_code == 200
    seen = text_of(look.text)
    assert "The file holds 4 definitions. Nothing was saved yet." in seen
    assert seen.count("its name is taken") == 2
    assert seen.count("cannot be saved") == 1
    assert "<b>3" not in look.text
    assert typed(look.text) == text
    assert newest(simple, fresh) is None
    choices = {
        f"do:{one}": "replace",
        f"expected:{one}": "1",
        f"do:{two}": "rename",
        f"to:{two}": copy,
    }
    done = post(
        simple, "admin", "/import-collections", definition=text, comment="all", do="import", **choices
    )
    assert done.status_code == 200
    assert "These are the results for the 4 definitions" in text_of(done.text)
    assert newest(simple, one).number == 2
    assert newest(simple, two).number == 1
    assert newest(simple, copy).comment == "all"
    assert newest(simple, fresh).number == 1
    refused = post(simple, "vera", "/import-collections", definition=definition(new_name()), do="import")
    assert "You may not" in text_of(refused.text)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00x", b"# nothing\n"])
def test_a_file_that_holds_nothing(simple: PortalServer, data: bytes) -> None:
    """It says what is wrong."""
    answer = simple.client("admin").post(
        "/import-collections", files={"file": ("c.yaml", data)}, headers=FORM
    )
    assert answer.status_code == 422
    check(answer.text)
    assert "alert bad" in answer.text


def test_forged_forms_are_refused(simple: PortalServer) -> None:
    """From another site nothing is changed."""
    name = saved(simple)
    for path, data in (
        ("/new-collection", {"definition": definition(new_name()), "do": "save"}),
        (
            f"/collections/{name}/edit",
            {"definition": definition(name, title="x"), "expected": "1", "do": "save"},
        ),
        (f"/collections/{name}/delete", {"confirm": name, "expected": "1"}),
        (f"/collections/{name}/restore", {"number": "1", "expected": "1"}),
        (f"/collections/{name}/switch", {"on": "yes"}),
        (f"/collections/{name}/run", {}),
        ("/import-collections", {"definition": definition(new_name()), "do": "import"}),
    ):
        answer = simple.client("admin").post(path, data=data, headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 403, path
        assert "does not come from a page of this Airflow" in answer.text
    assert len(simple.store.collections.versions(name)) == 1
