"""REST: the connections that a person may use, and looks at what is behind them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from directory_sync.portal import looks
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.api.describing import errors
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.wire.looks import ConnectionsAnswer, LookAnswer, LookBody, UsableConnection

router = APIRouter(tags=["looks"])

OfCollection = Annotated[
    str | None, Query(max_length=250, description="The saved collection that you edit; its owners may look.")
]


@router.get("/connections", responses=errors(403))
def connections(
    store: CurrentStore, visitor: CurrentVisitor, collection: OfCollection = None
) -> ConnectionsAnswer:
    """The connections to directories that you may use in collections that you save.

    Connections that only a secrets backend has are listed if the rules of connections name them.
    """
    found = looks.usable_connections(store, visitor, collection=collection)
    files = looks.may_use_files(store, visitor, collection=collection)
    return ConnectionsAnswer(
        connections=[UsableConnection.model_validate(each) for each in found], files=list(files)
    )


@router.post("/looks", responses=errors(403, 404, 422, 502, 504))
def look(body: LookBody, store: CurrentStore, visitor: CurrentVisitor) -> LookAnswer:
    """Look at a directory or file: test a connection, list containers, count objects, read the schema, the
    first records, or what fields hold. Nothing is written, and no value of a password attribute is shown.

    A look ends after a few seconds; `cut` says what it has not seen.
    """
    return LookAnswer(answer=looks.take(store, visitor, body.question, collection=body.collection))
