"""Opening a job: which parts of the destination it has to have for itself."""

from __future__ import annotations

from directory_sync.definition.models import Collection
from directory_sync.run.opening import touched_areas
from tests.scenarios.definitions import job_changed
from tests.scenarios.memory_directory import MemoryDirectory


def test_a_job_leases_where_it_moves_objects_to() -> None:
    """The container of those who have left is written to as much as the one they leave."""
    destination = MemoryDirectory(base="OU=People,DC=x")
    (staying,) = Collection.model_validate(job_changed()).jobs
    assert touched_areas(staying, destination) == ("ou=people,dc=x",)
    (leaving,) = Collection.model_validate(job_changed(("missing_at_source", {"move": "OU=Left,DC=x"}))).jobs
    assert touched_areas(leaving, destination) == ("ou=people,dc=x", "ou=left,dc=x")
