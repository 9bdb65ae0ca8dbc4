"""The definitions of this deployment, and which collections are certainly no longer among them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from directory_sync.definition.catalogue import Catalogue, FolderCatalogue
from directory_sync.definition.templates import FolderTemplates
from directory_sync.errors import DefinitionError
from directory_sync.settings import deployment_templates_folder, templates_folder

if TYPE_CHECKING:
    from directory_sync.store.store import Store

log = logging.getLogger(__name__)


def catalogue_of(folder: Path) -> Catalogue:
    """The definitions in a folder, with the deployment's templates."""
    return FolderCatalogue(folder, FolderTemplates(templates_folder(folder)))


def templates_of_deployment() -> FolderTemplates:
    """The templates that definitions outside of a folder may use: the same as those in the deployment's own
    folder.
    """
    return FolderTemplates(deployment_templates_folder())


def is_saved(store: Store, name: str) -> bool | None:
    """Whether a collection is saved in the store: False if it was, and has been deleted; None if it comes
    from a file, or is unknown. Raises StoreError.
    """
    origin = store.collections.origin(name)
    if origin is not None:
        return True if origin.file is None else None
    return False if store.collections.versions(name) else None


def defined_collections(catalogue: Catalogue) -> frozenset[str] | None:
    """`Catalogue.names`, and None where it raises: an error is no reason to take anything for gone."""
    try:
        return catalogue.names()
    except DefinitionError as error:
        log.warning(
            "It cannot be told which collections are still defined, so no request is withdrawn for that"
            " reason: %s",
            error,
        )
        return None
