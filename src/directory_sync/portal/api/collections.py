"""REST: saved collections: look, check, save, delete, restore, import, export; and runs of collections."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from directory_sync.collections.import_choices import Choice
from directory_sync.portal import collections
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.api import collection_answers as answers
from directory_sync.portal.api.describing import errors
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.wire import collections as wire_saved
from directory_sync.portal.wire.runs import StartedRunAnswer
from directory_sync.store.request_model import TEXT_LENGTH

router = APIRouter(tags=["collections"])

CollectionName = Annotated[str, Path(description="Name of the collection, which is also its DAG's.")]
Number = Annotated[int, Path(description="Number of the version, from 1.")]


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route that takes a definition, or changes a collection."""
    model = {"model": wire_saved.DefinitionErrorAnswer}
    own = {403, *statuses}
    return {status: answer | (model if status in own else {}) for status, answer in errors(*statuses).items()}


@router.get("/collections", responses=errors())
def list_collections(store: CurrentStore, visitor: CurrentVisitor) -> wire_saved.CollectionListAnswer:
    """All saved collections that you may see, by name. Those from files are not among them."""
    views = collections.list_collections(store, visitor)
    return answers.list_answer(views, may_create=collections.may_create(visitor))


@router.post("/collections/check", responses=_errors(404, 422))
def check(
    body: wire_saved.CheckBody, store: CurrentStore, visitor: CurrentVisitor
) -> wire_saved.CheckedAnswer:
    """Look at a definition as saving would, and save nothing: problems with their lines, broken rules, and
    what would change.
    """
    return answers.checked_answer(collections.check(store, visitor, body.text, name=body.name))


@router.post("/collections/import", responses=_errors(422))
def import_file(
    body: wire_saved.ImportBody, store: CurrentStore, visitor: CurrentVisitor
) -> wire_saved.ImportAnswer:
    """Save each definition of a file, whole or not at all; one that cannot be saved keeps no other from being
    saved.

    One whose name is taken needs a choice: `replace`, `rename` or `skip`. Ask with `check_only` first.
    """
    choices = {name: Choice(each.do, each.to, each.expected) for name, each in body.choices.items()}
    found = collections.import_file(
        store, visitor, body.text, choices, check_only=body.check_only, comment=body.comment
    )
    return answers.import_answer(found)


@router.get(
    "/collections.yaml",
    response_class=Response,
    responses=errors(404, 422)
    | {200: {"description": "The file.", "content": {"application/yaml": {"schema": {"type": "string"}}}}},
)
def export(
    store: CurrentStore,
    visitor: CurrentVisitor,
    name: Annotated[list[str], Query(description="Of a collection; without any, all that you may see.")] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Saved collections as one YAML file, exactly as they were saved. Definitions hold no secrets."""
    text = collections.export(store, visitor, name)
    file = f"{name[0]}.yaml" if len(name) == 1 else "collections.yaml"
    return Response(
        text.encode(),
        media_type="application/yaml; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )


@router.get("/collections/{name}", responses=errors(404))
def read_collection(
    name: CollectionName, store: CurrentStore, visitor: CurrentVisitor
) -> wire_saved.CollectionAnswer:
    """One saved collection: its definition, versions, problems, and what Airflow has made of it."""
    return answers.collection_answer(collections.read_collection(store, visitor, name))


@router.put("/collections/{name}", responses=_errors(404, 409, 422))
def save(
    name: CollectionName, body: wire_saved.SaveBody, store: CurrentStore, visitor: CurrentVisitor
) -> wire_saved.SavedAnswer:
    """Save a new collection, or a new version of one.

    `expected` is the number of the version that you have edited: if another one is the newest by now, nothing
    is saved (409, CollectionChanged).
    """
    saved = collections.save(store, visitor, name, body.text, expected=body.expected, comment=body.comment)
    return answers.saved_answer(saved, collections.dag_of(name))


@router.delete("/collections/{name}", responses=_errors(404, 409, 422))
def delete(
    name: CollectionName,
    store: CurrentStore,
    visitor: CurrentVisitor,
    expected: Annotated[int, Query(ge=1, description="Number of the newest version that you have seen.")],
    confirm: Annotated[str, Query(max_length=250, description="The collection's name again.")],
    comment: Annotated[str, Query(max_length=TEXT_LENGTH, description="Why.")] = "",
    stop: Annotated[
        bool,
        Query(
            description=(
                "Stop its runs and cancel its requests first. Until they have ended the answer is"
                " CollectionInUse: ask again."
            )
        ),
    ] = False,
) -> wire_saved.VersionAnswer:
    """Delete a collection, with what its jobs know of objects. Its versions, runs and requests stay.

    Refused while a run of it goes on or a request waits (409, CollectionInUse).
    """
    deleted = collections.delete(
        store, visitor, name, expected=expected, confirm=confirm, comment=comment, stop=stop
    )
    return answers.version_answer(deleted)


@router.get("/collections/{name}/versions", responses=errors(404))
def read_versions(
    name: CollectionName, store: CurrentStore, visitor: CurrentVisitor
) -> wire_saved.VersionListAnswer:
    """All versions of a collection, newest first; of a deleted one too, as long as none has its name."""
    versions = collections.read_versions(store, visitor, name)
    return wire_saved.VersionListAnswer(versions=list(map(answers.version_answer, versions)))


@router.get("/collections/{name}/versions/{number}", responses=errors(404, 422))
def read_version(
    name: CollectionName, number: Number, store: CurrentStore, visitor: CurrentVisitor
) -> wire_saved.VersionTextAnswer:
    """One version, with its definition."""
    version = collections.read_version(store, visitor, name, number)
    return wire_saved.VersionTextAnswer(version=answers.version_answer(version), text=version.text)


@router.post("/collections/{name}/restore", responses=_errors(404, 409, 422))
def restore(
    name: CollectionName, body: wire_saved.RestoreBody, store: CurrentStore, visitor: CurrentVisitor
) -> wire_saved.SavedAnswer:
    """Save an earlier version again, as a new one; also of a deleted collection. It is checked as a new one
    is.
    """
    saved = collections.restore(
        store, visitor, name, body.number, expected=body.expected, comment=body.comment
    )
    return answers.saved_answer(saved, collections.dag_of(name))


@router.post("/collections/{name}/rename", responses=_errors(404, 409, 422))
def rename(
    name: CollectionName, body: wire_saved.RenameBody, store: CurrentStore, visitor: CurrentVisitor
) -> wire_saved.SavedAnswer:
    """Give a collection another name, which is a new version of it. Its versions, runs and requests follow
    it, and so does what its jobs know; Airflow's own history stays under the old name.

    Refused while a run of it goes on or a request waits (409, CollectionInUse), and for a name that belongs
    or belonged to something else (409, NameTaken).
    """
    saved = collections.rename(store, visitor, name, body.to, expected=body.expected, comment=body.comment)
    return answers.saved_answer(saved, collections.dag_of(body.to))


@router.post("/collections/{name}/runs", responses=errors(404, 409, 422))
def start_run(
    name: CollectionName, body: wire_saved.StartRunBody, store: CurrentStore, visitor: CurrentVisitor
) -> StartedRunAnswer:
    """Start a run of a collection, saved or from a file, as yourself; with `preview_only` it writes
    nothing.
    """
    started = collections.start_run(
        store, visitor, name, reason=body.reason, jobs=body.jobs, preview_only=body.preview_only
    )
    return StartedRunAnswer.model_validate(started)
