"""From a folder of definitions to DAGs: one per collection, one task per job, wired by order and failure actions.

This runs every time Airflow parses the DAG file, so it opens no connection, asks no store and imports no endpoint.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param, TriggerRule, get_parsing_context

from directory_sync.airflow.broken import broken_dag
from directory_sync.airflow.documentation import documentation_of
from directory_sync.airflow.operators import CloseRunOperator, SyncJobOperator
from directory_sync.airflow.schedules import start_of, timetable_of
from directory_sync.definition.loading import ENDINGS, Broken, Loaded, load_file, load_folder
from directory_sync.definition.models import Collection, FailureAction
from directory_sync.definition.support import unsupported
from directory_sync.errors import DefinitionError
from directory_sync.settings import script_modules, templates_folder

CLOSE_TASK_ID = "_close"
MAX_ACTIVE_RUNS = 32
"""No lock: runs that wait for each other hold a lease. It only has to be well above the number of runs that can be waiting."""

_RETRY_DELAY = timedelta(minutes=1)
_MAX_RETRY_DELAY = timedelta(minutes=15)


def build_dags(folder: Path) -> dict[str, DAG]:
    """Build the DAGs of all definitions in a folder, or just the one that the running task belongs to.

    A definition that is broken, or that Airflow refuses, becomes a DAG that shows what is wrong; it never takes others away.
    Raises NotADirectoryError if there is no such folder.
    """
    if not folder.is_dir():
        raise NotADirectoryError(
            f"There is no folder {folder} with definitions. Create it, or set collections_folder in the section "
            "[directory_sync] of airflow.cfg."
        )
    wanted = get_parsing_context().dag_id
    if wanted is not None and (loaded := _find(folder, wanted)) is not None:
        return {wanted: _dag_of(loaded)}
    definitions = load_folder(folder, templates=templates_folder(folder))
    dags = {each.collection.name: _dag_of(each) for each in definitions if isinstance(each, Loaded)}
    dags.update(_broken_dags([each for each in definitions if isinstance(each, Broken)], taken=set(dags)))
    return dags


def build_dag(collection: Collection, warnings: Sequence[str] = ()) -> DAG:
    """Build the DAG of one collection. Raises whatever Airflow raises for values that it refuses.

    Args:
        collection: its definition.
        warnings: shown on the DAG's page.
    """
    digest = definition_digest(collection)
    timetable = timetable_of(collection)
    with DAG(
        dag_id=collection.name,
        dag_display_name=collection.title or collection.name,
        description=" ".join(collection.description.split()) or None,
        doc_md=documentation_of(collection, warnings),
        tags=set(collection.tags),
        schedule=timetable,
        # The end is the timetable's business: after a DAG's `end_date` Airflow would let a run started by hand wait for ever.
        start_date=start_of(collection),
        catchup=False,
        max_active_runs=MAX_ACTIVE_RUNS,
        is_paused_upon_creation=collection.paused,
        default_args={"owner": ", ".join(collection.owners) or "airflow"},
        params={
            "preview_only": Param(
                False, type="boolean", title="Preview only", description="Show what would change; write nothing."
            ),
            # Null, because Airflow's form asks for a value where an empty text is the default.
            "reason": Param(
                None, type=["null", "string"], maxLength=1000, title="Reason", description="Why this run was started."
            ),
        },
    ) as dag:
        _add_tasks(collection, digest)
    return dag


def definition_digest(collection: Collection) -> str:
    """SHA-256 of the definition as it is meant, templates filled in and defaults included; hexadecimal. The store's, too."""
    canonical = json.dumps(collection.model_dump(mode="json", by_alias=True), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _add_tasks(collection: Collection, digest: str) -> None:
    """Wire the jobs: each one behind exactly one predecessor, all before the task that closes the run.

    `ONE_DONE` on one predecessor runs the job after it succeeded or failed, and skips the job if it was skipped. The marker after
    an *abort* job succeeds only with the job, and is not run otherwise, so everything behind it is skipped.
    """
    close = CloseRunOperator(
        task_id=CLOSE_TASK_ID,
        collection=collection,
        definition_digest=digest,
        trigger_rule=TriggerRule.ALL_DONE,
        retries=2,
        retry_delay=_RETRY_DELAY,
    )
    previous: SyncJobOperator | EmptyOperator | None = None
    for job in collection.jobs:
        task = SyncJobOperator(
            task_id=job.name,
            job=job.name,
            collection=collection,
            definition_digest=digest,
            trigger_rule=TriggerRule.ALL_SUCCESS if previous is None else TriggerRule.ONE_DONE,
            retries=job.retries,
            retry_delay=_RETRY_DELAY,
            retry_exponential_backoff=2.0,
            max_retry_delay=_MAX_RETRY_DELAY,
        )
        if previous is not None:
            previous >> task
        task >> close
        previous = task
        if job.on_failure is FailureAction.ABORT and job is not collection.jobs[-1]:
            previous = EmptyOperator(task_id=f"{job.name}.ok")
            task >> previous


def _dag_of(loaded: Loaded) -> DAG:
    try:
        not_yet = unsupported(loaded.collection, script_modules=script_modules(), places=loaded.places)
        return build_dag(loaded.collection, [str(problem) for problem in (*loaded.problems, *not_yet)])
    except Exception as error:  # noqa: BLE001 whatever Airflow refuses must not take the other collections away
        problem = f"{loaded.file}:1: Airflow refuses this collection: {type(error).__name__}: {error}"
        return broken_dag(loaded.collection.name, problem)


def _broken_dags(definitions: list[Broken], taken: set[str]) -> dict[str, DAG]:
    """One DAG for each broken name; two files that claim the same name share it."""
    problems: dict[str, list[str]] = {}
    for broken in definitions:
        dag_id = broken.name or _id_of(Path(broken.file))
        if dag_id in taken:
            dag_id = f"{dag_id}.broken"
        lines = problems.setdefault(dag_id, [])
        lines.extend(line for line in map(str, broken.problems) if line not in lines)
    return {dag_id: broken_dag(dag_id, "\n".join(lines)) for dag_id, lines in problems.items()}


def _id_of(file: Path) -> str:
    """A DAG id made of a file's name, for a definition whose own name cannot be read."""
    return re.sub(r"[^a-z0-9_]", "_", file.stem.lower())[:100] or "_"


def _find(folder: Path, name: str) -> Loaded | None:
    """The one definition of that name, if it can be told without loading the files that do not mention it."""
    found = []
    for file in _files_that_mention(folder, name):
        try:
            loaded = load_file(file, templates=templates_folder(folder))
        except (DefinitionError, OSError):
            return None  # it may claim the name too: let the whole folder decide
        if loaded.collection.name == name:
            found.append(loaded)
    return found[0] if len(found) == 1 else None


def _files_that_mention(folder: Path, name: str) -> Iterator[Path]:
    """Files in which something is called `name`."""
    pattern = re.compile(rb"""\bname["']?\s*:\s*["']?%s\b""" % re.escape(name).encode())
    for file in sorted(folder.iterdir()):
        if file.suffix in ENDINGS and file.is_file() and pattern.search(file.read_bytes()):
            yield file
