"""The variables of static texts, such as `%TODAY%`."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

VARIABLES = ("NOW", "TODAY", "COLLECTION", "JOB", "RUN", "HOST")
"""Every name that a static text may hold between two percent signs."""

VOLATILE = frozenset({"NOW", "TODAY", "RUN", "HOST"})
"""Those that differ from run to run (jobs run on any worker), so that they alone are no reason to change an
object.
"""

_VARIABLE = re.compile("%([A-Z]+)%")


def run_variables(
    *, collection: str, job: str, run: str, now: datetime, timezone: str = "UTC", host: str | None = None
) -> dict[str, str]:
    """The variables of one job in one run.

    `now` has a time zone; times are told in the collection's: `%NOW%` as 2026-11-22T17:05:00+01:00, `%TODAY%`
    as 2026-11-22.
    """
    local = now.astimezone(ZoneInfo(timezone))
    return {
        "NOW": local.isoformat(timespec="seconds"),
        "TODAY": local.date().isoformat(),
        "COLLECTION": collection,
        "JOB": job,
        "RUN": run,
        "HOST": host or socket.gethostname(),
    }


def used(text: str) -> frozenset[str]:
    """The variables that a text holds. Anything else between percent signs is text."""
    return frozenset(_VARIABLE.findall(text)) & frozenset(VARIABLES)


def replace(text: str, variables: Mapping[str, str]) -> str:
    """Put the values of variables into a text, once: a value that looks like a variable stays as it is."""
    return _VARIABLE.sub(
        lambda match: variables.get(match[1], match[0]) if match[1] in VARIABLES else match[0], text
    )
