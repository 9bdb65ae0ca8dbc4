"""Refuses filters that compare what is secret: the number of records that they select would tell it."""

from __future__ import annotations

from collections.abc import Callable

from directory_sync.definition import filters
from directory_sync.errors import EndpointError


def refuse_comparison(filter: filters.Filter, is_secret: Callable[[str], bool], *, label: str) -> None:
    """Raise EndpointError if the filter compares values of a field that is secret, or of fields of any name.

    Whether such a field has a value may be asked. By their usual names passwords are refused by the checks of
    a definition already; an endpoint may know other names.
    """
    for name in filters.compared(filter):
        if name is None or is_secret(name):
            what = "attributes of any name" if name is None else name
            raise EndpointError(
                f"the filter compares {what}, and how many records it selects would tell a secret.",
                endpoint=label,
                remedy="Take that part out of the filter.",
            )
