"""Saved collections as the models that the REST API answers with."""

from __future__ import annotations

from collections.abc import Iterable

from directory_sync.collections.changes import DefinitionChange
from directory_sync.collections.saving import Saved
from directory_sync.definition.models import Collection, Every, format_duration
from directory_sync.definition.problems import Problem
from directory_sync.portal.airflow_dags import DagState, bundle_name
from directory_sync.portal.collections import CheckedName, CollectionView, Imported, ListedView
from directory_sync.portal.dag_text import dag_message, dag_standing
from directory_sync.portal.wire import collections as wire
from directory_sync.present.definition_changes import change_lines
from directory_sync.store.collection_versions import SavedVersion, VersionFacts


def list_answer(views: Iterable[ListedView], *, may_create: bool) -> wire.CollectionListAnswer:
    """A list."""
    bundle = bundle_name()
    return wire.CollectionListAnswer(
        collections=[_listed(view, bundle) for view in views], may_create=may_create
    )


def _listed(view: ListedView, bundle: str | None) -> wire.ListedCollection:
    version, collection = view.version, view.collection
    return wire.ListedCollection(
        name=version.name,
        title="" if collection is None else collection.title or "",
        description="" if collection is None else collection.description,
        owners=[] if collection is None else collection.owners,
        tags=[] if collection is None else collection.tags,
        jobs=[] if collection is None else [job.name for job in collection.jobs],
        schedule=[] if collection is None else _schedule(collection),
        usable=collection is not None,
        number=version.number,
        saved=version.saved,
        saved_by=version.saved_by,
        may_edit=view.may_edit,
        dag=_dag(view.dag, version, bundle),
    )


def _schedule(collection: Collection) -> list[str]:
    given = collection.schedule
    each = given if isinstance(given, list) else [] if given is None else [given]
    return [f"every {format_duration(one.every)}" if isinstance(one, Every) else one for one in each]


def collection_answer(view: CollectionView) -> wire.CollectionAnswer:
    """One collection."""
    return wire.CollectionAnswer(
        name=view.version.name,
        text=view.version.text,
        version=version_answer(view.version),
        versions=list(map(version_answer, view.versions)),
        problems=problem_answers(view.problems),
        may_edit=view.may_edit,
        dag=_dag(view.dag, view.version, bundle_name()),
    )


def version_answer(version: VersionFacts) -> wire.VersionAnswer:
    """One version."""
    made = {
        "roles": list(version.roles),
        "changes": change_answers(map(DefinitionChange.from_json, version.change)),
    }
    same = {name: getattr(version, name) for name in wire.VersionAnswer.model_fields if name not in made}
    return wire.VersionAnswer.model_validate(same | made)


def saved_answer(saved: Saved, dag: DagState) -> wire.SavedAnswer:
    """What saving has led to."""
    return wire.SavedAnswer(
        version=version_answer(saved.version),
        is_new_version=saved.is_new_version,
        problems=problem_answers(saved.warnings),
        dag=_dag(dag, saved.version, bundle_name()),
    )


def checked_answer(found: CheckedName) -> wire.CheckedAnswer:
    """What saving would lead to."""
    checked = found.checked
    return wire.CheckedAnswer(
        name=checked.name,
        usable=checked.usable and not found.taken,
        breaks_rules=checked.breaks_rules,
        number=0 if checked.newest is None else checked.newest.number,
        problems=problem_answers(checked.problems),
        changes=change_answers(checked.changes),
        taken=found.taken,
    )


def import_answer(imported: Iterable[Imported]) -> wire.ImportAnswer:
    """The result of each definition of a file."""
    return wire.ImportAnswer(items=list(map(_item, imported)))


def _item(imported: Imported) -> wire.ImportItemAnswer:
    item = imported.item
    made = {
        "error": "" if item.error is None else type(item.error).__name__,
        "detail": "" if item.error is None else str(item.error),
        "problems": problem_answers(item.problems),
        "changes": change_answers(item.changes),
        "missing_connections": list(imported.missing_connections),
    }
    same = {name: getattr(item, name) for name in wire.ImportItemAnswer.model_fields if name not in made}
    return wire.ImportItemAnswer.model_validate(same | made)


def problem_answers(problems: Iterable[Problem]) -> list[wire.ProblemOfDefinition]:
    """Problems of a definition."""
    return [wire.ProblemOfDefinition.model_validate(problem.to_json()) for problem in problems]


def change_answers(changes: Iterable[DefinitionChange]) -> list[wire.DefinitionChangeAnswer]:
    """Differences between two versions."""
    return [
        wire.DefinitionChangeAnswer(
            code=change.code,
            job=change.job,
            key=change.key,
            old=change.old,
            new=change.new,
            parts=list(change.parts),
            weakens=change.weakens,
            text=change_lines([change])[0].text,
        )
        for change in changes
    ]


def _dag(dag: DagState, version: SavedVersion, bundle: str | None) -> wire.DagAnswer:
    standing = dag_standing(dag, version.revision, bundle)
    return wire.DagAnswer(
        state=standing.value, paused=dag.paused, parsed=dag.parsed, message=dag_message(standing, dag)
    )
