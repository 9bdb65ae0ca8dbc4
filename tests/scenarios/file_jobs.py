"""Jobs from a file to a file, planned and carried out as a run does it, again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from directory_sync.definition.checks import check
from directory_sync.definition.models import Collection, FileEndpoint
from directory_sync.plan.build import make_plan
from directory_sync.plan.model import Plan
from tests.scenarios.files import file_destination, file_source
from tests.scenarios.planning import mapping_of

NO_LIMITS = dict.fromkeys(("delete", "clear", "members", "move"), "none")


@dataclass
class FileJob:
    """One job from `source` to `destination` in a folder.

    Attributes:
        folder: the data folder.
        fields: the mapping.
        source, destination: file names, or mappings with `file`.
        settings: further keys of the job.
    """

    folder: Path
    fields: Mapping[str, Any]
    source: str | Mapping[str, Any]
    destination: str | Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def collection(self) -> Collection:
        """The definition; it has no errors."""
        job = {
            "name": "copy",
            "source": {"file": self.source} if isinstance(self.source, str) else dict(self.source),
            "destination": {"file": self.destination}
            if isinstance(self.destination, str)
            else dict(self.destination),
            "object": "row",
            "fields": dict(self.fields),
            **self.settings,
        }
        made = Collection.model_validate({"name": "c", "limits": NO_LIMITS, "jobs": [job]})
        assert [problem for problem in check(made) if problem.severity == "error"] == []
        return made

    def write_source(self, content: str | bytes) -> None:
        """Give the source new content."""
        name = self.source if isinstance(self.source, str) else self.source["file"]
        (self.folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    @property
    def written(self) -> str:
        """What the destination holds now."""
        name = self.destination if isinstance(self.destination, str) else self.destination["file"]
        return (self.folder / name).read_text()

    def plan(self) -> Plan:
        """What a run would do now."""
        return self._plan_and_apply(apply=False)

    def run(self) -> Plan:
        """Plan, carry out, and give the plan; every change must go through."""
        return self._plan_and_apply(apply=True)

    def _plan_and_apply(self, *, apply: bool) -> Plan:
        collection = self.collection
        job = collection.jobs[0]
        assert isinstance(job.source, FileEndpoint)
        assert isinstance(job.destination, FileEndpoint)
        source = file_source(job.source, self.folder)
        destination = file_destination(
            job.destination,
            self.folder,
            keys=job.keys,
            fields=tuple(job.fields),
            naming_attribute=job.naming_attribute,
        )
        source.check()
        destination.check()
        plan = make_plan(collection, job, source, destination, mapping_of(job, source, destination))
        if apply:
            outcomes = list(destination.write(enumerate(plan.changes), before_send=lambda: None))
            assert [outcome.message for outcome in outcomes if outcome.message] == []
            assert len(outcomes) == len(plan.changes)
        return plan
