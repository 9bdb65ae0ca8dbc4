"""How far a look goes: in time, in entries, and in what it answers."""

from __future__ import annotations

import time
from enum import StrEnum

LOOK_SECONDS = 10.0
"""For a whole look; its process is ended a little later."""
ANSWER_SECONDS = 6.0
"""For one answer of a server, also where the connection allows for more."""
PAGE_SIZE = 500
"""Entries in one page of a listing; fewer where the connection says so."""
MOST_CONTAINERS = 500
"""Containers of one level."""
MOST_COUNTED = 250_000
"""Entries that are counted."""
MOST_SAMPLED = 1_000
"""Records from which it is told which fields are filled."""
MOST_VALUED = 50
"""Records of which values are read, for samples."""
MOST_FIRST = 100
"""Records shown at once."""
MOST_FIELDS = 2_000
MOST_FILES = 500
SAMPLES = 3
"""Values of a field that are shown in the field reference."""
VALUES = 5
"""Values of one field of one record."""
CHARACTERS = 200
"""Of one value."""
LONGEST_NAME = 500
"""Characters of a field's name; a column may be called anything."""
ANSWER_BYTES = 4_000_000
"""Of a whole answer."""
IDLE_SECONDS = 60.0
"""After which a process that is asked nothing ends by itself."""
MEMORY_BYTES = 1_000_000_000
"""Address space of the process that looks."""


class Cut(StrEnum):
    """Why a look has not seen everything."""

    NONE = ""
    TIME = "time"
    SERVER = "server"
    """The server has a limit for this login."""
    MOST = "most"
    """There is more than a look goes through."""


class Deadline:
    """A point in time after which nothing more is begun."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left, at least a little: a call that is given nothing waits without limit."""
        return max(0.05, self._end - time.monotonic())

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._end
