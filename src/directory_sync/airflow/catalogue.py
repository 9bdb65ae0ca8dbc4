"""The definitions of this deployment, and which collections are certainly no longer among them."""

from __future__ import annotations

import logging
from pathlib import Path

from directory_sync.definition.catalogue import Catalogue, FolderCatalogue
from directory_sync.definition.templates import FolderTemplates
from directory_sync.errors import DefinitionError
from directory_sync.settings import templates_folder

log = logging.getLogger(__name__)


def catalogue_of(folder: Path) -> Catalogue:
    """The definitions in a folder, with the deployment's templates."""
    return FolderCatalogue(folder, FolderTemplates(templates_folder(folder)))


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
