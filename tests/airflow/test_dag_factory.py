"""From definition files to DAGs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
import yaml

from directory_sync.definition.documents import Document
from directory_sync.definition.models import Collection

if TYPE_CHECKING:
    from airflow.sdk import DAG

PROJECT = Path(__file__).parents[2]

JOB = {
    "name": "people",
    "source": {"file": "in.csv"},
    "destination": {"file": "out.csv"},
    "object": "row",
    "fields": {"id": {"from": "id", "key": True}},
}


def collection(**rest: object) -> Collection:
    """A small collection, with whatever a test wants to say."""
    return Collection.model_validate({"name": "corp", "jobs": [JOB], **rest})


def write(folder: Path, file: str, **rest: object) -> None:
    """Write a definition file."""
    (folder / file).write_text(
        yaml.safe_dump({"name": Path(file).stem, "jobs": [JOB], **rest}), encoding="utf-8"
    )


def build(folder: Path) -> dict[str, DAG]:
    """Build all DAGs, imported when Airflow's home is set."""
    from directory_sync.airflow.dag_factory import build_dags

    return build_dags(folder)


def build_one(each: Collection) -> DAG:
    """Build one DAG, imported when Airflow's home is set."""
    from directory_sync.airflow.dag_factory import build_dag

    return build_dag(each)


# -- one collection ------------------------------------------------------------------------------------------


def test_a_collection_becomes_a_dag() -> None:
    """Name, title, description, owners, tags, start and pause of the definition are the DAG's."""
    dag = build_one(
        collection(
            title="Corp to Lab",
            description="Keeps Lab\nas Corp is.",
            owners=["ida", "bob"],
            tags=["corp", "lab"],
            schedule="@daily",
            timezone="Europe/Berlin",
            start="2026-03-01",
            paused=False,
        )
    )
    assert dag.dag_id == "corp"
    assert dag.dag_display_name == "Corp to Lab"
    assert dag.description == "Keeps Lab as Corp is."
    assert dag.owner == "ida, bob"
    assert dag.tags == {"corp", "lab"}
    assert dag.start_date == datetime(2026, 3, 1, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    assert dag.is_paused_upon_creation is False
    assert dag.catchup is False
    assert dag.max_active_runs >= 16


def test_an_end_is_not_the_dags() -> None:
    """After a DAG's end date Airflow would never start the tasks of a run that somebody triggers by hand."""
    dag = build_one(collection(schedule="@daily", end="2026-03-01"))
    assert dag.end_date is None
    assert dag.timetable.serialize()["end"] is not None  # type: ignore[attr-defined]


def test_a_new_collection_is_paused() -> None:
    """A definition that says nothing does nothing by itself."""
    assert build_one(collection()).is_paused_upon_creation is True


def test_jobs_are_tasks_in_order() -> None:
    """Each job has one predecessor; a marker follows an *abort* job that is not the last; one leaf closes the
    run.
    """
    jobs = [
        {**JOB, "name": name, "on_failure": action}
        for name, action in (("a", "abort"), ("b", "continue"), ("c", "abort"))
    ]
    dag = build_one(collection(jobs=jobs))
    upstream = {task.task_id: task.upstream_task_ids for task in dag.tasks}
    assert upstream == {"a": set(), "a.ok": {"a"}, "b": {"a.ok"}, "c": {"b"}, "_close": {"a", "b", "c"}}
    assert [task.task_id for task in dag.leaves] == ["_close"]


APPROVAL = {"approvers": {"users": ["bea"]}}


def test_a_gated_job_holds_nobody_up() -> None:
    """Its gate and its apply stand beside the chain; the run is not closed before them."""
    dag = build_one(collection(jobs=[{**JOB, "name": "a", "approval": APPROVAL}, {**JOB, "name": "b"}]))
    upstream = {task.task_id: task.upstream_task_ids for task in dag.tasks}
    assert upstream == {
        "a": set(),
        "a.ok": {"a"},
        "a.approval": {"a"},
        "a.apply": {"a.approval"},
        "b": {"a.ok"},
        "_close": {"a", "a.apply", "b"},
    }
    assert [task.task_id for task in dag.leaves] == ["_close"]


def test_jobs_can_wait_for_the_decision() -> None:
    """With `wait_for_approval` the next job stands behind a marker that knows what became of the request."""
    gated = {**JOB, "approval": APPROVAL, "wait_for_approval": True}
    dag = build_one(collection(jobs=[{**gated, "name": "a"}, {**gated, "name": "b"}]))
    upstream = {task.task_id: task.upstream_task_ids for task in dag.tasks}
    assert upstream["a.settled"] == {"a", "a.apply"}
    assert upstream["b"] == {"a.settled"}
    assert "b.settled" not in upstream
    assert "a.ok" not in upstream
    # Without a policy there is nothing to wait for.
    assert (
        "a.settled"
        not in build_one(collection(jobs=[{**gated, "name": "a", "approval": "none"}, JOB])).task_ids
    )


def rows_of_grid(dag: DAG) -> list[str]:
    """What Airflow's grid shows of a DAG before anything is unfolded, in its order."""
    from airflow.serialization.serialized_objects import DagSerialization

    read = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    return [str(node.node_id) for node in read.task_group.topological_sort()]


def test_what_is_no_job_is_folded_in_the_grid() -> None:
    """Approvals, applying and the end of the run are one row; so is a decision that jobs wait for. Jobs stay
    rows of their own, and no task has another id than before.
    """
    gated = {**JOB, "approval": APPROVAL, "on_failure": "continue"}
    jobs = [{**gated, "name": "a", "wait_for_approval": True}, {**gated, "name": "b"}, {**gated, "name": "c"}]
    notifications = {"to": ["ida@corp.example"], "when": "always"}
    dag = build_one(collection(jobs=jobs, notifications=notifications))
    assert rows_of_grid(dag) == ["a", "_decision_a", "b", "c", "_after_jobs"]
    assert dag.task_group_dict["_decision_a"].label == "Approval of a"
    assert set(dag.task_group_dict["_decision_a"].children) == {"a.approval", "a.apply", "a.settled"}
    assert set(dag.task_group_dict["_after_jobs"].children) == {
        "b.approval",
        "b.apply",
        "c.approval",
        "c.apply",
        "_report",
        "_close",
    }
    assert set(dag.task_ids) == {"a", "b", "c"} | {
        task for group in ("_decision_a", "_after_jobs") for task in dag.task_group_dict[group].children
    }


def test_without_approvals_nothing_is_folded() -> None:
    """A group of one task would be one click more and no row less."""
    assert rows_of_grid(build_one(collection(jobs=[{**JOB, "on_failure": "continue"}]))) == [
        "people",
        "_close",
    ]
    assert rows_of_grid(build_one(collection(jobs=[{**JOB, "approval": APPROVAL}]))) == [
        "people",
        "_after_jobs",
    ]


def test_the_deployments_minimum_gates_every_job() -> None:
    """Also a job whose definition asks for no approval."""
    from directory_sync.airflow.dag_factory import build_dag
    from directory_sync.settings.minimum import parse_minimum

    dag = build_dag(collection(), minimum=parse_minimum("{approvers: {roles: [Admin]}}"))
    assert {"people.approval", "people.apply"} <= set(dag.task_ids)
    assert "people.approval" not in build_one(collection()).task_ids


def test_the_minimum_comes_from_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For all collections of the folder, and for the one that a task belongs to."""
    write(tmp_path, "corp.yaml")
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__APPROVAL_MINIMUM", "{approvers: {roles: [Admin]}}")
    assert "people.approval" in build(tmp_path)["corp"].task_ids
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "corp")
    assert "people.approval" in build(tmp_path)["corp"].task_ids


@pytest.mark.parametrize(
    "wrong", ["{approvers: {roles: Admin", "{aprovers: {roles: [Admin]}}", "{when: always}", "true"]
)
def test_a_minimum_that_cannot_be_read_lets_nothing_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    """A typing error in it neither hides the collections nor lets one of them run without the approval that
    was meant.
    """
    write(tmp_path, "corp.yaml", paused=False, schedule="@daily")
    write(tmp_path, "lab.yaml")
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__APPROVAL_MINIMUM", wrong)
    dags = build(tmp_path)
    assert set(dags) == {"corp", "lab"}
    for dag in dags.values():
        assert dag.task_ids == ["definition_is_broken"]
        assert dag.schedule is None
        assert "approval_minimum" in (dag.doc_md or "").replace("\\", "")


def test_params_are_preview_reason_and_jobs() -> None:
    """Whoever starts a run can ask for a preview, say why, and choose from the jobs; nothing chosen is
    all.
    """
    params = build_one(collection()).params
    assert params["preview_only"] is False
    assert params["reason"] is None
    assert params["jobs"] is None
    assert params.get_param("jobs").schema["examples"] == ["people"]


def test_retries_are_the_jobs() -> None:
    """`retries` counts for its job; the pauses between tries grow."""
    task = build_one(collection(jobs=[{**JOB, "retries": 4}])).get_task("people")
    assert task.retries == 4
    assert task.retry_exponential_backoff


def test_nothing_of_a_definition_is_a_jinja_template() -> None:
    """Filters and templates of a definition may hold `{{`; Airflow must not render them."""
    jobs = [{**JOB, "fields": {**JOB["fields"], "mail": {"template": "{{ id }}@lab.example"}}}]  # type: ignore[dict-item]
    for task in build_one(collection(jobs=jobs)).tasks:
        for name in getattr(task, "template_fields", ()):
            assert "{{" not in str(getattr(task, name))


def test_a_changed_definition_is_a_new_dag_version() -> None:
    """Airflow sees a new version exactly if the serialized DAG differs; the definition is not in it, but its
    digest is.
    """
    from airflow.serialization.serialized_objects import DagSerialization

    def serialized(**rest: object) -> object:
        return DagSerialization.to_dict(build_one(collection(**rest)))

    changed = {**JOB, "fields": {"id": {"from": "ID", "key": True}}}
    assert serialized() == serialized()
    assert serialized() != serialized(jobs=[changed])


def test_a_text_that_means_the_same_is_no_new_dag_version() -> None:
    """Another comment in the file, or another file, is not in the serialized DAG, but known to tasks."""
    from airflow.serialization.serialized_objects import DagSerialization

    from directory_sync.airflow.dag_factory import build_dag

    dags = [
        build_dag(collection(), document=Document("corp", "", origin, version))
        for origin, version in (("corp.yaml", "1"), ("other.yaml", "2"))
    ]
    assert DagSerialization.to_dict(dags[0]) == DagSerialization.to_dict(dags[1])
    assert [(task.origin, task.version) for dag in dags for task in [dag.get_task("people")]] == [
        ("corp.yaml", "1"),
        ("other.yaml", "2"),
    ]


def test_the_digest_is_the_stores(store_url: str) -> None:
    """The digest in the DAG names the same definition as the one in a run's record."""
    from directory_sync.store.store import Store

    each = collection(description="ä", start="2026-03-01", limits={"delete": "10%"})
    with Store.open(store_url) as store:
        snapshot = store.runs.start(each, "one", trigger="manual", requester="ida", verified=True)
    assert snapshot.digest == build_one(each).get_task("people").definition_digest
    assert snapshot.collection == each


# -- documentation -------------------------------------------------------------------------------------------


def test_the_page_shows_jobs_limits_and_schedule() -> None:
    """The DAG's documentation says what the collection does."""
    dag = build_one(
        collection(description="Staff.", schedule="@daily", limits={"delete": ["10%", 200]}, owners=["ida"])
    )
    text = dag.doc_md or ""
    for part in (
        "Staff.",
        "**people**",
        "in.csv",
        "out.csv",
        "abort",
        "delete 10% and 200",
        "@daily (UTC)",
        "ida",
    ):
        assert part in text


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", "[x](javascript:alert(1))", "![x](http://e/x)", "a | b", "`c`"]
)
def test_definition_texts_cannot_act(hostile: str) -> None:
    """Texts of a definition are shown as they are: no HTML, no links, no images, no broken tables."""
    text = build_one(collection(description=hostile, jobs=[{**JOB, "description": hostile}])).doc_md or ""
    assert hostile not in text
    assert "<script" not in text
    row = next(line for line in text.splitlines() if "**people**" in line)
    assert row.replace(r"\|", "").count("|") == 9


def test_a_documentation_is_never_taken_for_a_file() -> None:
    """Airflow opens the file when a documentation ends with `.md`."""
    assert not (build_one(collection(owners=["/etc/passwd.md"])).doc_md or "").endswith(".md")


def test_warnings_are_shown(tmp_path: Path) -> None:
    """Mail that would reach no one stands on the DAG's page, not only in `validate`."""
    write(tmp_path, "mailing.yaml", notifications={"when": "always", "to": ["it@corp.example"]})
    text = build(tmp_path)["mailing"].doc_md or ""
    assert "notifications" in text
    assert "the setting mail\\_connection is empty" in text


def test_mail_settings_take_no_collection_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they are wrong, nothing is said about who gets mail."""
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__ROLE_ADDRESSES", "nonsense")
    write(tmp_path, "mailing.yaml", notifications={"when": "always", "to": ["it@corp.example"]})
    assert "Warnings" not in (build(tmp_path)["mailing"].doc_md or "")


# -- a folder ------------------------------------------------------------------------------------------------


def test_a_broken_definition_takes_no_other_away(tmp_path: Path) -> None:
    """It is visible as a DAG of its name, tagged, with the problems, and unable to do anything."""
    write(tmp_path, "good.yaml")
    write(tmp_path, "bad.yaml", schedul="@daily")
    dags = build(tmp_path)
    assert set(dags) == {"good", "bad"}
    assert dags["good"].tags == set()
    bad = dags["bad"]
    assert bad.tags == {"broken definition"}
    assert bad.task_ids == ["definition_is_broken"]
    assert bad.schedule is None
    assert "bad.yaml" in (bad.doc_md or "")
    assert "schedul" in (bad.doc_md or "")


@pytest.mark.parametrize(
    ("file", "content", "dag_id"),
    [
        ("no-yaml.yaml", "a: [", "no_yaml"),
        ("Groß!.yaml", "- 1", "gro__"),
        ("empty.yaml", "", "empty"),
        ("badname.yaml", "name: NOT valid\njobs: []\n", "badname"),
        ("wrong.json", "{", "wrong"),
    ],
)
def test_an_unreadable_definition_is_named_after_its_file(
    tmp_path: Path, file: str, content: str, dag_id: str
) -> None:
    """Where no name can be told, the file's name makes one that Airflow accepts."""
    (tmp_path / file).write_text(content, encoding="utf-8")
    write(tmp_path, "good.yaml")
    assert set(build(tmp_path)) == {"good", dag_id}


def test_a_broken_file_does_not_replace_a_collection_of_its_name(tmp_path: Path) -> None:
    """`corp.yml` without a readable name stands next to the collection `corp` of another file."""
    write(tmp_path, "corp.yaml")
    (tmp_path / "corp.yml").write_text("a: [", encoding="utf-8")
    dags = build(tmp_path)
    assert set(dags) == {"corp", "corp.broken"}
    assert "people" in dags["corp"].task_ids


def test_two_definitions_with_one_name_are_both_broken(tmp_path: Path) -> None:
    """One DAG shows both files."""
    write(tmp_path, "one.yaml", name="same")
    write(tmp_path, "two.yaml", name="same")
    dags = build(tmp_path)
    assert set(dags) == {"same"}
    assert dags["same"].tags == {"broken definition"}
    assert "one.yaml" in (dags["same"].doc_md or "")
    assert "two.yaml" in (dags["same"].doc_md or "")


def test_what_airflow_refuses_is_a_broken_definition(tmp_path: Path) -> None:
    """A tag that is too long for Airflow is found when the DAG is built; the others are built all the
    same.
    """
    write(tmp_path, "good.yaml")
    write(tmp_path, "long.yaml", tags=["x" * 200])
    dags = build(tmp_path)
    assert set(dags) == {"good", "long"}
    assert "long.yaml" in (dags["long"].doc_md or "")
    assert dags["long"].tags == {"broken definition"}


def test_the_problems_are_shown_as_they_are(tmp_path: Path) -> None:
    """What a definition quotes is text: no heading, no code, no HTML; each problem is a paragraph, which is
    wrapped.
    """
    write(tmp_path, "bad.yaml", **{"```\n# Hello <b> *x*": 1})
    text = build(tmp_path)["bad"].doc_md or ""
    items = [part for part in text.split("\n\n") if part.startswith("\N{BULLET} ")]
    assert len(items) == 1
    assert "```" not in text
    assert "<b>" not in text
    assert not any(line.lstrip("\N{BULLET} ").startswith("#") for line in text.splitlines())
    assert r"\*x\*" in items[0]


def test_a_folder_that_does_not_exist_is_an_import_error(tmp_path: Path) -> None:
    """No DAGs at all without a word would leave everybody guessing."""
    with pytest.raises(NotADirectoryError, match="collections_folder"):
        build(tmp_path / "nowhere")


def test_an_empty_folder_has_no_dags(tmp_path: Path) -> None:
    """Nothing defined is nothing wrong."""
    assert build(tmp_path) == {}


# -- parsing for a task --------------------------------------------------------------------------------------


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are loaded one by one; loading the whole folder is `*`."""
    from directory_sync.definition.catalogue import FolderCatalogue

    seen: list[str] = []
    documents, mentioning = FolderCatalogue.documents, FolderCatalogue.mentioning

    def look(catalogue: FolderCatalogue, name: str) -> Iterator[Document]:
        for document in mentioning(catalogue, name):
            seen.append(Path(document.origin).name)
            yield document

    monkeypatch.setattr(FolderCatalogue, "mentioning", look)
    monkeypatch.setattr(
        FolderCatalogue, "documents", lambda catalogue: (seen.append("*"), documents(catalogue))[1]
    )
    return seen


def test_a_task_builds_only_its_own_dag(
    tmp_path: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker parses the DAG file for each task; it reads one definition, wherever it stands."""
    for name in ("a", "b", "c"):
        write(tmp_path, f"{name}.yaml")
    write(tmp_path, "elsewhere.yaml", name="wanted")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "wanted")
    assert set(build(tmp_path)) == {"wanted"}
    assert loads == ["elsewhere.yaml"]


def test_a_task_of_a_doubled_name_gets_the_broken_dag(
    tmp_path: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the whole folder says counts: with two definitions of one name neither runs."""
    write(tmp_path, "same.yaml")
    write(tmp_path, "other.yaml", name="same")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "same")
    assert build(tmp_path)["same"].tags == {"broken definition"}
    assert loads[-1] == "*"


def test_a_task_of_a_broken_definition_finds_its_dag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody starts a broken collection: the task is there and says why it fails."""
    (tmp_path / "no-yaml.yaml").write_text("a: [", encoding="utf-8")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "no_yaml")
    assert build(tmp_path)["no_yaml"].task_ids == ["definition_is_broken"]


def test_parsing_imports_no_endpoint_and_no_store(tmp_path: Path) -> None:
    """Every worker parses the file for every task: no endpoint, no store, no planner, no Alembic, no rich.

    What of them is imported to tell which jobs need approval, which version this is and when a DAG runs, is
    plain data.
    """
    write(tmp_path, "corp.yaml", schedule="@daily")
    code = (
        "import sys; from pathlib import Path; from directory_sync.airflow.dag_factory import build_dags;"
        f"before = set(sys.modules); dags = build_dags(Path({str(tmp_path)!r})); assert"
        " len(dags['corp'].tasks) == 2;"
        "print(*sorted(m for m in sys.modules if m.startswith('directory_sync.')));"
        "print(*sorted(m for m in ('alembic', 'sqlalchemy.dialects.postgresql') if m in set(sys.modules) -"
        " before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours, foreign = done.stdout.splitlines()
    modules = {module.removeprefix("directory_sync.") for module in ours.split()}
    light = {"airflow", "definition", "dn", "errors", "garbage", "own_dags", "settings"}
    deep = {module for module in modules if module.split(".")[0] not in light}
    data = {
        "approval.minimum",
        "approval.policy",
        "approval.strictest",
        "endpoints.change",
        "endpoints.evidence",
        "endpoints.key_order",
        "plan.model",
        "plan.past",
        "portal.airflow_firings",
        "run.policies",
        "run.task_ends",
    }
    assert deep <= data | {module.split(".")[0] for module in data}
    assert not {
        module
        for module in modules
        if module in {"airflow.gate_trigger", "airflow.upkeep", "airflow.withdrawal"}
    }
    assert not foreign


def test_parsing_opens_no_connection(tmp_path: Path) -> None:
    """No network and no database while the file is parsed, whatever the definition names."""
    directory = {"connection": "nowhere", "container": "dc=x"}
    write(
        tmp_path,
        "corp.yaml",
        jobs=[
            {
                **JOB,
                "source": directory,
                "destination": {**directory, "filter": "(objectClass=*)"},
                "object": "contact",
                "fields": {"cn": {"from": "cn", "key": True}, "sn": "sn"},
            }
        ],
    )
    code = (
        "import sys, socket; from pathlib import Path; from directory_sync.airflow.dag_factory import"
        " build_dags;seen = []; sys.addaudithook(lambda event, args: seen.append(event) if"
        " event.startswith(('socket.connect', 'sqlite3', "
        "'socket.getaddrinfo')) else None);"
        f"dags = build_dags(Path({str(tmp_path)!r})); print(dags['corp'].tags, seen)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set() []"


def test_the_housekeeping_task_reads_no_definition(
    tmp_path: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It belongs to no collection."""
    write(tmp_path, "corp.yaml")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "directory_sync.upkeep")
    assert build(tmp_path) == {}
    assert loads == []


# -- the DAG file --------------------------------------------------------------------------------------------


def test_airflow_looks_into_the_dag_file() -> None:
    """In safe mode Airflow ignores a file without both words; then there would be no DAGs and no error."""
    text = (PROJECT / "dags" / "job_collections.py").read_text(encoding="utf-8").lower()
    assert "airflow" in text
    assert "dag" in text


def test_the_dag_file_builds_all_collections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file in the DAG folder is all that Airflow needs."""
    write(tmp_path, "corp.yaml")
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTIONS_FOLDER", str(tmp_path))
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=PROJECT / "dags" / "job_collections.py")
    assert not bag.import_errors
    assert set(bag.dags) == {"corp", "directory_sync.previews", "directory_sync.upkeep"}
