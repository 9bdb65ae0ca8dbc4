"""How jobs end that only the tasks of a run know of; next to the `JobState`s."""

from __future__ import annotations

NOT_IN_THIS_RUN = "not_in_this_run"
"""The run leaves the job out."""
REMOVED = "removed_from_the_definition"
"""The job's task is no longer in the DAG."""
