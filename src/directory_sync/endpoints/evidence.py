"""What a listing says of itself when it has ended: what was asked, what was received, and how its end was
proven.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sized
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

from directory_sync.endpoints.key_order import LastKey

_Item = TypeVar("_Item")
_Page = TypeVar("_Page", bound=Sized)
_Said = TypeVar("_Said")


class End(StrEnum):
    """How a listing ended, and with that how far it is known to be complete."""

    LAST_PAGE = "last_page"
    """The server sent its last page with an empty cookie (RFC 2696)."""
    WHOLE_ANSWER = "whole_answer"
    """The server said that the search has succeeded, after everything in one answer (RFC 4511, 4.5.2)."""
    LINE_BREAK = "line_break"
    """The file's last line ends with a line break, and the file did not change while it was read."""
    QUOTED_CELL = "quoted_cell"
    """The file has no line break at its end, but its last cell is closed by its quote."""
    DECLARED_WHOLE = "declared_whole"
    """The file has no line break at its end; the definition says that such files are whole."""
    NO_FILE = "no_file"
    """There is no file yet, so nothing is in it."""
    PLANNED_CONTAINER = "planned_container"
    """There is no container yet: an earlier job of the same preview creates it."""
    CUT_OFF = "cut_off"
    """The file may have been cut off: there may be more than was read."""

    @property
    def is_proven(self) -> bool:
        """Whether nothing is lacking."""
        return self is not End.CUT_OFF


class Asked(NamedTuple):
    """What a listing is asked for.

    Attributes:
        place: the container's DN, or the file as the definition names it.
        connection: id of the connection that it is asked through; empty for the data folder.
        scope: how deep a directory is searched; empty for a file.
        filter: which records are selected (RFC 4515); empty for all.
    """

    place: str
    connection: str = ""
    scope: str = ""
    filter: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a listing is taken to be complete, or is not.

    Attributes:
        connection, place, scope, filter: what was asked, see `Asked`.
        entries: how many records were received.
        pages: in how many pages; 0 where there are none.
        end: how it ended.
        begun, ended: when, by the clock of the machine that has read it.
        last: of a source whose keys ascended, the last one. It depends on what a job takes for the key, so
            one listing is the same with another.
    """

    connection: str
    place: str
    scope: str
    filter: str
    entries: int
    pages: int
    end: End
    begun: datetime
    ended: datetime
    last: LastKey | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, Any]:
        """As it is stored and printed; `from_json` reads it back."""
        return asdict(self) | {
            "end": self.end.value,
            "begun": self.begun.isoformat(),
            "ended": self.ended.isoformat(),
            "last": self.last and self.last.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evidence:
        """Read what `to_json` wrote."""
        times = {name: datetime.fromisoformat(data[name]) for name in ("begun", "ended")}
        # Earlier versions had none.
        last = data.get("last") and LastKey.from_json(data["last"])
        return cls(**{**data, "end": End(data["end"]), **times, "last": last})


class Ending(Generic[_Item, _Said]):
    """A generator to iterate over, of which it is kept what it returns."""

    def __init__(self, generator: Generator[_Item, None, _Said]) -> None:
        self._generator = generator
        self._said: list[_Said] = []

    def __iter__(self) -> Iterator[_Item]:
        self._said.append((yield from self._generator))

    @property
    def said(self) -> _Said:
        """What it returned. There is nothing before it has ended, nor if it raised."""
        return self._said[0]


def witnessed(batches: Generator[_Page, None, End], asked: Asked) -> Generator[_Page, None, Evidence]:
    """Pass a listing on, and return in the end what was received."""
    begun = datetime.now(UTC)
    entries = pages = 0
    with closing(batches):
        listing = Ending(batches)
        for batch in listing:
            entries += len(batch)
            pages += 1
            yield batch
    end = listing.said
    return Evidence(
        connection=asked.connection,
        place=asked.place,
        scope=asked.scope,
        filter=asked.filter,
        entries=entries,
        pages=pages if end is End.LAST_PAGE else 0,
        end=end,
        begun=begun,
        ended=datetime.now(UTC),
    )
