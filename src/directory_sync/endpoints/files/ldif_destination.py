"""Writing entries to an LDIF file of content records: entries that nothing happens to stay byte for byte as
they stand there.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from directory_sync.definition.models import FileEndpoint, Job
from directory_sync.endpoints.change import Action, Change, Outcome, Result
from directory_sync.endpoints.contract import Batch, Destination, Image, Surroundings
from directory_sync.endpoints.evidence import End, Ending
from directory_sync.endpoints.exchanges import Part
from directory_sync.endpoints.files.ldif_changes import change_records
from directory_sync.endpoints.files.ldif_entries import LdifEntries
from directory_sync.endpoints.files.ldif_reading import Entry
from directory_sync.endpoints.files.ldif_source import LdifSource
from directory_sync.endpoints.files.names import DN_FIELD, LdifNames
from directory_sync.endpoints.files.replacing import check_writable
from directory_sync.endpoints.files.rewriting import RewrittenFile, WriteContent
from directory_sync.endpoints.files.wholeness import WHOLE
from directory_sync.endpoints.ldap.flavours.generic import CLASSES
from directory_sync.errors import EndpointError, IncompleteListing


class LdifObjects:
    """The classes of entries, as far as they are known without a schema."""

    def classes(self, kind: str) -> tuple[str, ...]:
        """Those that a generic LDAP server has for it."""
        return CLASSES.get(kind, ())

    def mandatory(self, classes: Sequence[str]) -> frozenset[str]:  # noqa: ARG002
        """Nothing is known to be mandatory."""
        return frozenset()

    def allowed(self, classes: Sequence[str]) -> None:  # noqa: ARG002
        """Nothing is known to be forbidden."""
        return


def open_destination(job: Job, surroundings: Surroundings) -> Destination:
    """The job's destination."""
    assert isinstance(job.destination, FileEndpoint)
    return LdifDestination(
        job.destination,
        surroundings.data_folder,
        keys=job.keys,
        fields=tuple(job.fields),
        naming_attribute=job.naming_attribute,
    )


class LdifDestination(LdifSource, RewrittenFile):
    """All entries of an LDIF file are managed. A file that is not there is an empty one."""

    def __init__(
        self,
        definition: FileEndpoint,
        data_folder: Path,
        *,
        keys: Sequence[str],
        naming_attribute: str,
        fields: Sequence[str] = (DN_FIELD,),
    ) -> None:
        super().__init__(definition, data_folder)
        self.naming_attribute = naming_attribute
        self.selection = None
        self.names = LdifNames(maps_dn=DN_FIELD in map(str.lower, fields))
        self.objects = LdifObjects()
        # The person who writes the file again may give an entry's name to another one.
        self.identity_field: str | None = next((key for key in keys if key.lower() != DN_FIELD), None)

    # -- reading ---------------------------------------------------------------------------------------------

    def check(self) -> None:
        """See that the file, or else its folder, can be written, and that an existing file can be read."""
        check_writable(self.path, self.label)
        if self.path.exists():
            super().check()

    def _batches(self, fields: Sequence[str]) -> Generator[Batch, None, End]:
        """All entries; none if there is no file yet. An entry that cannot be read ends the listing."""
        if not self.path.exists():
            return End.NO_FILE
        batches = Ending(super()._batches(fields))
        for batch in batches:
            for record in batch:
                if record.cut_off:
                    message = "the file ends without a line break, so it may have been cut off."
                    raise IncompleteListing(message, endpoint=self.label, remedy=WHOLE)
                if record.problem:
                    raise IncompleteListing(
                        record.problem, remedy="Correct the entry, or move the file away."
                    )
            yield batch
        return batches.said

    @contextmanager
    def blocks(self) -> Iterator[Generator[Entry, None, End]]:
        """Open the file, which must hold entries and not changes that add them: only those can be written
        back.
        """
        with super().blocks() as blocks:
            yield self._content(blocks)

    def _content(self, blocks: Generator[Entry, None, End]) -> Generator[Entry, None, End]:
        reading = Ending(blocks)
        for entry in reading:
            if entry.is_change:
                raise EndpointError(
                    f"line {entry.line}: this file holds changes (changetype: add), and a destination holds"
                    " entries.",
                    endpoint=self.label,
                    remedy="Move the file away, or take the lines changetype: add out.",
                )
            yield entry
        return reading.said

    def index(self, field: str, within: str | None) -> Iterator[tuple[str, list[bytes]]]:
        """Yield (DN, values of field) of everything, or within a container; nothing if there is no file
        yet.
        """
        if self.path.exists():
            yield from super().index(field, within)

    def render(self, change: Change, part: Part = Part.WHOLE) -> str:
        """LDIF change records."""
        return change_records(change, part, pseudo_fields=(DN_FIELD,))

    # -- writing ---------------------------------------------------------------------------------------------

    def images(self, ids: Collection[str]) -> Iterator[Image]:
        """The entries of these names, with all their attributes."""
        if not ids or not self.path.exists():
            return
        normalise = self.names.normalise
        asked = {normalise(id): id for id in ids}
        with self.blocks() as blocks:
            for entry in blocks:
                if entry.dn is None or (id := asked.pop(normalise(entry.dn), None)) is None:
                    continue
                known = self.identity_field
                held = entry.values(known) if known is not None else []
                yield Image(id, entry.attributes, held[0] if held else None, entry.problem)

    def look(self, changes: Iterable[tuple[int, Change]], *, renamed: Mapping[str, str]) -> Iterator[Outcome]:
        """Tell by looking into the file the results of changes.

        An entry that has another name by now was not deleted.
        """
        todo = list(changes)
        outcomes = list(super().look(todo, renamed=renamed))
        deleted = {
            change.identity
            for _, change in todo
            if change.action is Action.DELETE and change.identity is not None
        }
        there = self._identities_there() & deleted if deleted else set()
        for (sequence, change), outcome in zip(todo, outcomes, strict=True):
            if change.action is Action.DELETE and change.identity is not None:
                yield Outcome(sequence, Result.NOT_DONE if change.identity in there else Result.FOUND_DONE)
            else:
                yield outcome

    def _identities_there(self) -> set[bytes]:
        field = self.identity_field
        if field is None:
            return set()
        return {
            value
            for batch in self.read([field])
            for record in batch
            for value in record.values.get(field, ())
        }

    def _decide(
        self, todo: Sequence[tuple[int, Change]], verify: Collection[int]
    ) -> tuple[Sequence[Outcome], WriteContent]:
        entries = LdifEntries([], self.label, identity_field=self.identity_field)
        if self.path.exists():
            with self.blocks() as blocks:
                entries = LdifEntries(
                    map(self._is_whole, blocks), self.label, identity_field=self.identity_field
                )
        else:
            verify = ()
        outcomes = [entries.apply(sequence, change, retried=sequence in verify) for sequence, change in todo]
        return outcomes, lambda stream: stream.writelines(entries.content())

    def _is_whole(self, entry: Entry) -> Entry:
        if entry.cut_off:
            raise IncompleteListing(entry.problem, remedy=WHOLE)
        return entry
