"""Which collections are still defined, told only when it is certain: a folder that is just being changed says
nothing.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from pathlib import Path

from directory_sync.definition.loading import Broken, load_folder
from directory_sync.errors import DefinitionError
from directory_sync.settings import templates_folder

QUIET = timedelta(minutes=10)
"""How long the folder must have been as it is now, before what is missing in it counts as gone."""

log = logging.getLogger(__name__)


def defined_collections(folder: Path) -> frozenset[str] | None:
    """The names of all collections that are defined in a folder, broken ones included; None if that is not
    certain now.

    It is not while the folder cannot be read, is empty (as where a volume is not mounted), was changed a
    moment ago (as while a new checkout is made), or holds a file that does not say which collection it is.
    """
    try:
        changed = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
        if time.time() - changed < QUIET.total_seconds():
            return None
        found = load_folder(folder, templates=templates_folder(folder))
    except (OSError, DefinitionError) as error:
        log.warning(
            "It cannot be told which collections are still defined, so no request is withdrawn for that"
            " reason: %s",
            error,
        )
        return None
    names = [each.name if isinstance(each, Broken) else each.collection.name for each in found]
    known = frozenset(name for name in names if name is not None)
    return known if known and None not in names else None
