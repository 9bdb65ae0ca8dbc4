"""Checks of what Airflow makes of the deployment: bundles, the DAG file, DAGs, and the processes that run
them.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

from directory_sync.definition.problems import nearest
from directory_sync.doctor import bundles
from directory_sync.doctor.bundles import SAVED, SAVED_CLASS
from directory_sync.doctor.codes import Code
from directory_sync.doctor.examination import Examination
from directory_sync.doctor.findings import CannotTell, Finding, ok, problem, skipped, warning
from directory_sync.settings import PREVIEWS_DAG_ID, UPKEEP_DAG_ID
from directory_sync.settings.reading import read_airflow

PROCESSES = {
    "SchedulerJob": ("scheduler", "scheduler", "scheduler_health_check_threshold"),
    "DagProcessorJob": ("dag-processor", "dag_processor", "health_check_threshold"),
    "TriggererJob": ("triggerer", "triggerer", "triggerer_health_check_threshold"),
}
"""Kind of process as Airflow notes it → its command, and section and option of the seconds after which it
counts as dead.
"""
_UPKEEP = b"upkeep_dags"
_UPDATES = ("core", "min_serialized_dag_update_interval")
_UPDATED_AFTER = 30  # Airflow's default
_THRESHOLD = 30.0  # Airflow's default for all three


def dag_file(examination: Examination) -> Iterator[Finding]:
    """Whether a DAG file of this package is where Airflow reads DAGs."""
    found = examination.dag_files()
    if found:
        yield ok(Code.DAG_FILE_FOUND, file=str(found[0]), count=len(found))
        return
    configured = examination.bundles()
    folders = [str(each.folder) for each in configured if each.folder is not None]
    if len(folders) < len(configured):
        others = [each.name for each in configured if each.folder is None and each.classpath != SAVED_CLASS]
        if others:
            yield skipped(Code.DAG_FILE_UNTOLD, bundles=others)
            return
    if folders:
        examination.needs_home(Path(folders[0]))
        yield problem(Code.DAG_FILE_MISSING, folder=folders[0])
    else:
        yield problem(Code.NO_DAG_FOLDER)


def saved_bundle(examination: Examination) -> Iterator[Finding]:
    """Whether Airflow reads the collections that are saved in the store."""
    configured = examination.bundles()
    classes = [each.classpath for each in configured]
    if SAVED_CLASS in classes:
        if _is_there(SAVED_CLASS.rpartition(".")[0]):
            yield ok(Code.SAVED_BUNDLE_LISTED)
            yield from _late_edits(examination)
        else:
            yield problem(Code.SAVED_BUNDLE_UNKNOWN)
        return
    examination.needs_home(examination.config_file)
    if not _is_there(SAVED_CLASS.rpartition(".")[0]):
        yield skipped(Code.SAVED_BUNDLE_NOT_YET)
        return
    wrong = next((each for each in classes if each.startswith("directory_sync.")), "") or nearest(
        SAVED_CLASS, [each for each in classes if "DirectorySync" in each]
    )
    if names := _saved_names(examination):
        yield problem(Code.SAVED_WITHOUT_BUNDLE, count=len(names), names=names)
    whole = bundles.with_saved()
    if wrong:
        yield problem(Code.SAVED_BUNDLE_MISSPELT, wrong=wrong, right=SAVED_CLASS)
    elif not whole:
        place = bundles.VARIABLE if bundles.in_environment() else str(examination.config_file)
        yield warning(Code.SAVED_BUNDLE_NOT_LISTED, place=place, entry=json.dumps(SAVED))
    elif bundles.in_environment():
        yield warning(Code.SAVED_BUNDLE_NO_VARIABLE, list=whole, variable=bundles.VARIABLE)
    else:
        yield warning(
            Code.SAVED_BUNDLE_NO_LIST,
            file=str(examination.config_file),
            list=whole,
            variable=bundles.VARIABLE,
        )


def _late_edits(examination: Examination) -> Iterator[Finding]:
    """Whether Airflow takes up an edited DAG at once."""
    section, option = _UPDATES
    configured = read_airflow(section, option)
    seconds = int(configured) if configured.isdigit() else _UPDATED_AFTER
    if seconds:
        variable = f"AIRFLOW__{section.upper()}__{option.upper()}"
        file = str(examination.config_file)
        yield warning(Code.SAVED_BUNDLE_LATE, seconds=seconds, file=file, variable=variable)


def metadata(examination: Examination) -> Iterator[Finding]:
    """Whether Airflow's database answers."""
    yield ok(Code.METADATA_READ, database=examination.metadata().database)


def dags(examination: Examination) -> Iterator[Finding]:
    """Whether Airflow knows the DAG of each collection."""
    known = examination.metadata()
    failures = [each for each in known.failures if _is_ours(each.file, examination)]
    for failure in failures:
        yield problem(Code.DAG_FILE_BROKEN, file=failure.file, bundle=failure.bundle, reason=failure.reason)
    names = [each.name for each in examination.definitions().usable]
    if SAVED_CLASS in {each.classpath for each in examination.bundles()}:
        names += _saved_names(examination)
    missing = [name for name in names if name not in known.dags]
    stale = [name for name in names if name in known.dags and known.dags[name].stale]
    if missing and not failures:
        yield problem(Code.DAGS_UNKNOWN, names=missing, count=len(missing))
    if stale and not failures:
        yield problem(Code.DAGS_STALE, names=stale, count=len(stale))
    if names and not missing and not stale:
        paused = sum(known.dags[name].paused for name in names)
        yield ok(Code.DAGS_KNOWN, count=len(names), paused=paused)


def upkeep(examination: Examination) -> Iterator[Finding]:
    """Whether the DAG for upkeep is there and switched on."""
    dag = examination.metadata().dags.get(UPKEEP_DAG_ID)
    if dag is None or dag.stale:
        files = examination.dag_files()
        makes_it = [file for file in files if bundles.mentions(file, _UPKEEP)]
        if makes_it:
            yield problem(Code.UPKEEP_NOT_READ, dag=UPKEEP_DAG_ID, file=str(makes_it[0]))
        elif files:
            yield problem(Code.UPKEEP_MISSING, dag=UPKEEP_DAG_ID, file=str(files[0]))
        else:
            yield skipped(Code.UPKEEP_UNTOLD, dag=UPKEEP_DAG_ID)
    elif dag.paused:
        yield problem(Code.UPKEEP_PAUSED, dag=UPKEEP_DAG_ID)
    else:
        yield ok(Code.UPKEEP_ON, dag=UPKEEP_DAG_ID)
    if dag is not None and not dag.stale:
        yield _previews(examination)


def _previews(examination: Examination) -> Finding:
    """Whether the DAG for previews is there, which the same file makes, and switched on."""
    dag = examination.metadata().dags.get(PREVIEWS_DAG_ID)
    if dag is None or dag.stale:
        return problem(Code.PREVIEWS_NOT_READ, dag=PREVIEWS_DAG_ID, upkeep=UPKEEP_DAG_ID)
    return (problem if dag.paused else ok)(
        Code.PREVIEWS_PAUSED if dag.paused else Code.PREVIEWS_ON, dag=PREVIEWS_DAG_ID
    )


def processes(examination: Examination) -> Iterator[Finding]:
    """Whether scheduler, DAG processor and triggerer give signs of life."""
    heartbeats = examination.metadata().heartbeats
    if not set(PROCESSES) & set(heartbeats):
        yield problem(Code.NOTHING_RUNS)
        return
    for job, (command, section, option) in PROCESSES.items():
        seconds = heartbeats.get(job)
        if seconds is None:
            yield problem(Code.PROCESS_NOT_RUNNING, process=command)
        elif seconds > _threshold(section, option):
            yield problem(Code.PROCESS_SILENT, process=command, minutes=f"{seconds / 60:,.0f}")
        else:
            yield ok(Code.PROCESS_ALIVE, process=command, seconds=f"{max(seconds, 0):.0f}")


def _saved_names(examination: Examination) -> list[str]:
    try:
        return [each.version.name for each in examination.saved()]
    except CannotTell:
        return []  # the checks of the store say why


def _threshold(section: str, option: str) -> float:
    try:
        return float(read_airflow(section, option) or _THRESHOLD)
    except ValueError:
        return _THRESHOLD


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False


def _is_ours(file: str, examination: Examination) -> bool:
    """Whether a file that Airflow could not read is a DAG file of this package."""
    try:
        found = examination.dag_files()
    except CannotTell:
        return False
    return any(str(path) == file or path.as_posix().endswith(f"/{file}") for path in found)
