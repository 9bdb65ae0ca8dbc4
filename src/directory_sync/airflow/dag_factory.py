"""From a catalogue of definitions to DAGs: one per collection, one task per job, wired by order and failure
actions.

This runs every time Airflow parses the DAG file, so it opens no connection, asks no store and imports no
endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from airflow.sdk import DAG, Param, get_parsing_context
from airflow.sdk.definitions.param import ParamsDict

from directory_sync import settings
from directory_sync.airflow.broken import SAVED, TASK_ID, broken_dag
from directory_sync.airflow.bundle_files import saved_names
from directory_sync.airflow.catalogue import catalogue_of
from directory_sync.airflow.documentation import documentation_of
from directory_sync.airflow.schedules import timetable_of
from directory_sync.airflow.upkeep_dag import UPKEEP_DAG_ID
from directory_sync.airflow.wiring import add_tasks
from directory_sync.definition.catalogue import Catalogue
from directory_sync.definition.documents import Document
from directory_sync.definition.loading import Broken, Loaded, judge
from directory_sync.definition.models import ApprovalPolicy, Collection
from directory_sync.definition.problems import Problem
from directory_sync.definition.reach import unreachable
from directory_sync.definition.schedules import start_of
from directory_sync.definition.support import unsupported
from directory_sync.definition.templates import Templates
from directory_sync.errors import ConnectionRulesError, SettingsError
from directory_sync.garbage import rare_collection
from directory_sync.run.policies import policy_for
from directory_sync.settings import script_modules
from directory_sync.settings.minimum import parse_minimum

MAX_ACTIVE_RUNS = 32
"""No lock: runs that wait for each other hold a lease.

Runs that wait for approval, at most one per job, come on top of it.
"""


@rare_collection()
def build_dags(definitions: Path | Catalogue) -> dict[str, DAG]:
    """Build the DAGs of all definitions in a catalogue, or just the one that the running task belongs to.

    A path is a folder of definition files, which may use the deployment's templates.

    A definition that is broken, or that Airflow refuses, becomes a DAG that shows what is wrong; it never
    takes others away. Raises NotADirectoryError if there is no such folder.
    """
    if isinstance(definitions, Path):
        if not definitions.is_dir():
            raise NotADirectoryError(
                f"There is no folder {definitions} with definitions. Create it, or set collections_folder in"
                " the section [directory_sync] of airflow.cfg."
            )
        definitions = catalogue_of(definitions)
    context = get_parsing_context()
    wanted = context.dag_id
    if wanted in (UPKEEP_DAG_ID, settings.PREVIEWS_DAG_ID):
        return {}
    minimum = _minimum()
    # The task of a DAG that stands in for a collection that breaks a rule is not in the collection's own.
    if wanted is not None and context.task_id != TASK_ID and (loaded := definitions.get(wanted)) is not None:
        return {wanted: _dag_of(loaded, minimum)}
    saved = saved_names()
    found = _by_the_rules([_refuse_saved_name(each, saved) for each in definitions.all()])
    dags = {each.name: _dag_of(each, minimum) for each in found if isinstance(each, Loaded)}
    dags.update(_broken_dags([each for each in found if isinstance(each, Broken)], taken={*dags, *saved}))
    return dags


def dag_of(document: Document, templates: Templates, roles: Sequence[str]) -> DAG:
    """Build the DAG of a document that says which collection it has to define.

    A definition that is broken, or that Airflow refuses, becomes a DAG that shows what is wrong. `roles`:
    those that it was saved with.
    """
    (result,) = _by_the_rules([judge(document, templates)], roles)
    if isinstance(result, Loaded):
        return _dag_of(result, _minimum())
    return broken_dag(document.kept_as, "\n".join(map(str, result.problems)), remedy=SAVED)


def build_dag(
    collection: Collection,
    warnings: Sequence[str] = (),
    *,
    minimum: ApprovalPolicy | None = None,
    document: Document | None = None,
) -> DAG:
    """Build the DAG of one collection. Raises whatever Airflow raises for values that it refuses.

    Args:
        collection: its definition.
        warnings: shown on the DAG's page.
        minimum: the deployment's approval policy, or None.
        document: what the definition was read from, or None.
    """
    timetable = timetable_of(collection)
    with DAG(
        dag_id=collection.name,
        dag_display_name=collection.title or collection.name,
        description=" ".join(collection.description.split()) or None,
        doc_md=documentation_of(collection, warnings),
        tags=set(collection.tags),
        schedule=timetable,
        # The end is the timetable's business: after a DAG's `end_date` Airflow would let a run started by
        # hand wait indefinitely.
        start_date=start_of(collection),
        catchup=False,
        max_active_runs=MAX_ACTIVE_RUNS + len(collection.enabled_jobs),
        is_paused_upon_creation=collection.paused,
        default_args={"owner": ", ".join(collection.owners) or "airflow"},
    ) as dag:
        add_tasks(collection, document, gated=lambda job: policy_for(collection, job, minimum) is not None)
    # Not before the tasks are there: each of them would make a copy of its own, which takes longer than all
    # else. A run's parameters come from the DAG whether its tasks have copies or not
    # (`airflow.sdk.definitions.param.process_params`).
    dag.params = ParamsDict(_params(collection))
    return dag


def _params(collection: Collection) -> dict[str, Param]:
    return {
        "preview_only": Param(
            False, type="boolean", title="Preview only", description="Show what would change; write nothing."
        ),
        # Null, because Airflow's form asks for a value where an empty text is the default.
        "reason": Param(
            None,
            type=["null", "string"],
            maxLength=1000,
            title="Reason",
            description="Why this run was started.",
        ),
        "jobs": Param(
            None,
            type=["null", "array"],
            items={"type": "string"},
            examples=[job.name for job in collection.enabled_jobs],
            title="Only these jobs",
            description="The other jobs do nothing in this run. Empty: all jobs.",
        ),
    }


def _minimum() -> ApprovalPolicy | SettingsError | None:
    """The deployment's approval policy, or what is wrong with it."""
    try:
        return parse_minimum(settings.approval_minimum())
    except SettingsError as error:
        return error


def _by_the_rules(
    found: Sequence[Loaded | Broken], roles: Sequence[str] | None = None
) -> list[Loaded | Broken]:
    """With those broken that break a rule of the deployment's connections.

    A task of a run that has begun is left to say so for itself: Airflow would only tell that the DAG that
    stands in has no such task.
    """
    if get_parsing_context().task_id not in (None, TASK_ID):
        return list(found)
    try:
        file = settings.connection_rules()
    except SettingsError as error:
        return [_spoilt(each, [Problem(each.origin, 1, 1, "", str(error))]) for each in found]
    if file is None:
        return list(found)
    from directory_sync.rights.judgement import broken_rules
    from directory_sync.rights.reading import read_connection_rules
    from directory_sync.rights.words import as_broken

    try:
        rules = read_connection_rules(file)
    except ConnectionRulesError as error:
        return [_spoilt(each, error.problems) for each in found]
    administrators = settings.administrator_roles()
    return [
        as_broken(each, broken_rules(each.collection, rules, roles, administrators))
        if isinstance(each, Loaded)
        else each
        for each in found
    ]


def _unheard(loaded: Loaded) -> list[Problem]:
    """Whom mail cannot reach; nothing where the settings are wrong: that must take no collection away."""
    if loaded.collection.notifications is None:
        return []
    try:
        return unreachable(loaded.collection, settings.mail_reach(), loaded.places)
    except SettingsError:
        return []


def _spoilt(result: Loaded | Broken, problems: Sequence[Problem]) -> Broken:
    """A definition that cannot run for a reason that is not its own."""
    return Broken(result.document, result.name, (*result.problems, *problems))


def _dag_of(loaded: Loaded, minimum: ApprovalPolicy | SettingsError | None) -> DAG:
    if isinstance(minimum, SettingsError):
        # A typing error in it must neither take all collections away nor let any of them run without the
        # approval it asks for.
        return broken_dag(loaded.collection.name, str(minimum))
    try:
        not_yet = unsupported(loaded.collection, script_modules=script_modules(), places=loaded.places)
        unheard = _unheard(loaded)
        return build_dag(
            loaded.collection,
            [str(problem) for problem in (*loaded.problems, *not_yet, *unheard)],
            minimum=minimum,
            document=loaded.document,
        )
    except Exception as error:  # noqa: BLE001 whatever Airflow refuses must not take the other collections away
        problem = f"{loaded.origin}:1: Airflow refuses this collection: {type(error).__name__}: {error}"
        return broken_dag(loaded.collection.name, problem)


def _refuse_saved_name(result: Loaded | Broken, saved: frozenset[str]) -> Loaded | Broken:
    """A definition from a file that has the name of a collection saved in the store is broken; that one
    goes on.
    """
    if not isinstance(result, Loaded) or result.name not in saved:
        return result
    message = f"the name {result.name} belongs to a collection that is saved in Directory Sync"
    hint = "choose another name, or delete the saved collection"
    problem = result.places.problem(("name",), message, hint)
    return Broken(result.document, result.name, (problem, *result.problems))


def _broken_dags(definitions: list[Broken], taken: set[str]) -> dict[str, DAG]:
    """One DAG for each broken name; two documents that claim the same name share it."""
    problems: dict[str, list[str]] = {}
    for broken in definitions:
        dag_id = broken.name or _id_of(broken.document.name)
        if dag_id in taken:
            dag_id = f"{dag_id}.broken"
        lines = problems.setdefault(dag_id, [])
        lines.extend(line for line in map(str, broken.problems) if line not in lines)
    return {dag_id: broken_dag(dag_id, "\n".join(lines)) for dag_id, lines in problems.items()}


def _id_of(name: str) -> str:
    """A DAG id made of a document's name, for a definition whose own name cannot be read."""
    return re.sub(r"[^a-z0-9_]", "_", name.lower())[:100] or "_"
