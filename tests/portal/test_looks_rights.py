"""No way of looking leads around the rules of connections: through the REST API, through what stands in a
form, and through what a draft, a template or a job that was copied names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from directory_sync.approval.people import Person
from directory_sync.endpoints.contract import ConnectionInfo
from tests.portal.pages_client import Looker
from tests.portal.test_looks import EDDI, look
from tests.portal.test_pages_drafts import begin, draft_of
from tests.scenarios.browser_form import sent_by
from tests.scenarios.portal_pages import ADA
from tests.scenarios.previewed import definition

SUFFIX = "dc=example,dc=org"
ONLY_READS = """\
connections:
  lab: {source: {roles: [Editors]}}
  payroll: {destination: {roles: [Editors]}}
"""


@pytest.fixture
def opened(
    seer: Looker, connections: dict[str, ConnectionInfo], monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The names of the connections that are looked up, each with its password."""
    from directory_sync.portal import airflow_connections

    found: list[str] = []
    read = airflow_connections.read_connection

    def noted(name: str) -> ConnectionInfo:
        found.append(name)
        return read(name)

    monkeypatch.setattr(airflow_connections, "read_connection", noted)
    return found


@pytest.fixture
def editor(seer: Looker, opened: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Looker:
    """An editor, who may read from `lab` and write to `payroll`, but not the other way round, and may use no
    file.
    """
    file = tmp_path / "rules.yaml"
    file.write_text(ONLY_READS, encoding="utf-8")
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__CONNECTION_RULES", str(file))
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTION_ROLES", "Editors, Admin")
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTIONS_FOLDER", str(tmp_path))
    seer.become(EDDI)
    return seer


def place(connection: str) -> dict[str, Any]:
    """A container behind a connection."""
    return {"connection": connection, "container": SUFFIX}


def questions(connection: str, side: str) -> list[tuple[str, dict[str, Any]]]:
    """Everything that can be asked about a connection."""
    return [
        ("test", {"connection": connection, "side": side}),
        ("containers", {"connection": connection, "side": side, "under": SUFFIX}),
        ("counts", {"connection": connection, "side": side, "under": SUFFIX}),
        ("schema", {"connection": connection, "side": side}),
        ("records", {side: place(connection)}),
        ("fields", {side: place(connection)}),
    ]


@pytest.mark.parametrize(
    ("connection", "side"),
    [("payroll", "source"), ("lab", "destination"), ("LAB", "source"), ("hr", "source"), ("gone", "source")],
)
def test_no_look_takes_a_connection_that_its_side_may_not_use(
    editor: Looker, opened: list[str], connection: str, side: str
) -> None:
    """Whatever is asked; its password is not even looked up."""
    for kind, asked in questions(connection, side):
        look(editor, kind, status=403, **asked)
    assert opened == []


def test_no_look_takes_files_that_may_not_be_used(editor: Looker) -> None:
    """Neither their list nor what is in them, on either side."""
    for side in ("source", "destination"):
        look(editor, "files", status=403, side=side)
        for kind in ("records", "fields"):
            look(editor, kind, status=403, **{side: {"file": "staff.csv"}})


@pytest.mark.parametrize(
    "asked",
    [
        {"source": place("lab"), "destination": place("lab")},
        {"source": place("lab"), "connection": "payroll"},
        {"source": {**place("lab"), "host": "elsewhere"}},
        {"source": {**place("lab"), "file": "staff.csv"}},
        {"destination": {**place("payroll"), "unknown": 1}},
    ],
)
def test_a_question_is_about_one_place_and_nothing_besides(
    editor: Looker, opened: list[str], asked: dict[str, Any]
) -> None:
    """No host, and no second connection, is slipped in next to the one that was checked."""
    for kind in ("records", "fields"):
        answer = editor.client.post(
            "/dirsync/api/v1/looks",
            json={"question": {"look": kind, **asked}},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        assert answer.status_code in (403, 422), answer.text
    assert opened == []


@pytest.mark.parametrize("kind", ["record", "example"])
def test_jobs_are_tried_on_pages_only(editor: Looker, opened: list[str], kind: str) -> None:
    """There the definition is checked first, by which rules are broken."""
    asked = {"job": "copy", "field": "cn", "value": "ann", "destination_field": "cn"}
    collection = yaml.safe_load(job_text("lab", "payroll"))
    look(editor, kind, status=422, collection=collection, source_connection="lab", **asked)
    assert opened == []


def job_text(source: str, destination: str) -> str:
    """A definition whose job reads from one connection and writes to another."""
    return definition(
        "phones",
        jobs=[
            {
                "name": "copy",
                "object": "user",
                "source": {**place(source), "container": f"ou=people,{SUFFIX}"},
                "destination": {**place(destination), "container": f"ou=groups,{SUFFIX}"},
                "fields": {"cn": {"from": "cn", "key": True}, "sn": "sn"},
            }
        ],
    )


def draft_with(looker: Looker, text: str) -> str:
    """The address of a draft with this text, as its YAML page writes it."""
    address = begin(looker)
    number = draft_of(looker, address)[0]
    looker.post(f"{address}/yaml", {"number": str(number), "definition": text, "do": "save"})
    assert draft_of(looker, address)[1] == text
    return address


def look_everywhere(looker: Looker, address: str) -> dict[str, str]:
    """Every part of the wizard's steps that looks at endpoints, by its name."""
    parts = {}
    for side in ("source", "destination"):
        for kind in ("test", "containers", "counts", "records", "files"):
            asked = {"look": kind, "side": side, "under": SUFFIX}
            parts[f"{kind} {side}"] = looker.post(f"{address}/jobs/1/look", asked, status=200)
    parts["fields"] = looker.post(f"{address}/jobs/1/fields", status=200)
    parts["example"] = looker.post(
        f"{address}/jobs/1/example", {"row": "0", "map.0.destination": "cn"}, status=200
    )
    parts["record"] = looker.post(
        f"{address}/jobs/1/record", {"try-field": "cn", "try-value": "ann"}, status=200
    )
    number = draft_of(looker, address)[0]
    sent = {"number": str(number), "do": "same"}
    answer = looker.client.post(
        f"/dirsync{address}/jobs/1/mapping", data=sent, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert answer.status_code in (403, 422), answer.text
    parts["same"] = answer.text
    return parts


@pytest.mark.parametrize("made_by", ["text", "copied job", "job template"])
def test_a_draft_that_names_other_connections_looks_at_none(
    editor: Looker, opened: list[str], made_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written by hand, copied from a collection whose author might use them, or given by a template."""
    text = job_text("payroll", "lab")
    if made_by == "text":
        address = draft_with(editor, text)
    elif made_by == "copied job":
        editor.store.collections.save("phones", text, expected=0, by=ADA)
        address = begin(editor)
        number = draft_of(editor, address)[0]
        editor.post(f"{address}/jobs", {"number": str(number), "do": "copy", "copy": "phones/copy"})
        number, text = draft_of(editor, address)
        named = text.replace("name:\n", "name: others\n", 1)
        editor.post(f"{address}/yaml", {"number": str(number), "definition": named, "do": "save"})
    else:
        monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__TEMPLATES_FOLDER", str(tmp_path / "templates"))
        (tmp_path / "templates" / "jobs").mkdir(parents=True)
        (job,) = yaml.safe_load(text)["jobs"]
        del job["name"]
        (tmp_path / "templates" / "jobs" / "pays.yaml").write_text(yaml.safe_dump(job), encoding="utf-8")
        jobs = [{"name": "copy", "template": "pays"}]
        address = draft_with(editor, yaml.safe_dump({"name": "phones", "jobs": jobs}))
    parts = look_everywhere(editor, address)
    assert opened == []
    assert not any("cn=ann" in part for part in parts.values())
    for name in ("example", "record"):
        # The definition can be used but for the rules: what is told is that one of them is broken.
        assert "by the rules" in parts[name], name


def test_a_side_that_may_be_used_does_not_open_the_other(editor: Looker, opened: list[str]) -> None:
    """What needs both is not done, and what needs one is."""
    address = draft_with(editor, job_text("lab", "lab"))
    parts = look_everywhere(editor, address)
    assert set(opened) == {"lab"}
    opened.clear()
    assert "ann" in parts["records source"]
    for name in ("records destination", "record"):
        assert "cn=ann" not in parts[name], name
    editor.post(f"{address}/jobs/1/record", {"try-field": "cn", "try-value": "ann"}, status=200)
    for kind in ("test", "containers", "counts", "records"):
        asked = {"look": kind, "side": "destination", "under": SUFFIX}
        editor.post(f"{address}/jobs/1/look", asked, status=200)
    assert opened == []


def test_a_draft_is_of_one_person(editor: Looker, opened: list[str]) -> None:
    """Another one, whatever they may use, gets the answer of a draft that does not exist."""
    address = draft_with(editor, job_text("lab", "payroll"))
    editor.become(Person("mallory", frozenset({"Editors", "Admin"}), verified=True))
    for part in ("look", "fields", "example", "record"):
        editor.post(f"{address}/jobs/1/{part}", {"look": "test", "side": "source"}, status=404)
    assert opened == []


def test_what_a_job_template_gives_is_looked_at(
    seer: Looker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form shows it, though the definition's own text does not say it."""
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTIONS_FOLDER", str(tmp_path))
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__TEMPLATES_FOLDER", str(tmp_path / "templates"))
    (tmp_path / "templates" / "jobs").mkdir(parents=True)
    (job,) = yaml.safe_load(job_text("lab", "lab"))["jobs"]
    del job["name"]
    (tmp_path / "templates" / "jobs" / "pays.yaml").write_text(yaml.safe_dump(job), encoding="utf-8")
    text = yaml.safe_dump({"name": "phones", "jobs": [{"name": "copy", "template": "pays"}]})
    address = draft_with(seer, text)
    page = seer.get(f"{address}/jobs/1/endpoints")
    form = sent_by(page.split('<form id="step-form"')[1].split("</form>")[0])
    for kind in ("test", "counts", "records"):
        part = seer.post(
            f"{address}/jobs/1/look", {**form, "look": kind, "side": "source", "under": SUFFIX}, status=200
        )
        assert "alert bad" not in part, (kind, part)
    part = seer.post(f"{address}/jobs/1/fields", status=200)
    assert "alert bad" not in part, part
    assert draft_of(seer, address)[1] == text
    # What the template maps is mapped: Map same names adds the only other one.
    number = draft_of(seer, address)[0]
    seer.post(f"{address}/jobs/1/mapping", {"number": str(number), "do": "same"})
    (made,) = yaml.safe_load(draft_of(seer, address)[1])["jobs"]
    assert made == {"name": "copy", "template": "pays", "fields": {"ou": "ou"}}
