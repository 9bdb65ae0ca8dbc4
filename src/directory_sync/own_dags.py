"""Names of DAGs that are the package's own. No collection can have one: theirs hold no dot."""

from __future__ import annotations

UPKEEP_DAG_ID = "directory_sync.upkeep"
"""Does the maintenance."""
PREVIEWS_DAG_ID = "directory_sync.previews"
"""Answers what people ask on pages before they save or run."""
