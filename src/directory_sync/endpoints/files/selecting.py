"""Which of a file's records a source's filter selects.

A file brings no schema, so rules that need one are refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from directory_sync.definition import filters
from directory_sync.endpoints.ldap.matching import case_ignore
from directory_sync.errors import EndpointError

Values = Mapping[str, Sequence[bytes]]

_normalised = lru_cache(4096)(case_ignore)
_SHORT = 100


def as_text(_name: str, value: bytes) -> bytes:
    """The form in which texts are compared: without regard to case and to insignificant spaces
    (caseIgnoreMatch).
    """
    return _normalised(value) if len(value) < _SHORT else case_ignore(value)


class Selection:
    """A filter over the records of one file.

    Args:
        text: the filter (RFC 4515).
        label: how messages name the file.
        columns: names are those of columns, which need not be attribute names.
        normalise: gives the form in which equal values are equal.
    """

    def __init__(
        self, text: str, label: str, *, columns: bool, normalise: filters.Normalise = as_text
    ) -> None:
        try:
            parsed = filters.parse(text, columns=columns)
        except filters.FilterError as error:
            raise EndpointError(
                f"the filter {text} cannot be read: {error}.",
                endpoint=label,
                remedy="Correct it in the definition (RFC 4515).",
            ) from None
        self.names = filters.attributes(parsed)
        """The attributes or columns that the filter asks about, lower case."""
        self._filter = _usable(parsed, text, label)
        self._normalise = normalise

    def selects(self, values: Values) -> bool:
        """Whether a record with these values (lower-case names) is selected; Undefined is not (RFC 4511,
        section 4.5.1.7).
        """
        return filters.matches(self._filter, values, self._normalise) is True

    def may_select(self, values: Values, unknown: Collection[str]) -> bool:
        """Whether a record may be selected of which these attributes (lower case) could not be read."""
        return filters.matches(_without(self._filter, unknown), values, self._normalise) is not False


def _usable(filter: filters.Filter, text: str, label: str) -> filters.Filter:
    """The filter with what only a server could decide refused, or for `~=`, where that is allowed (RFC 4511),
    taken for `=`.
    """
    match filter:
        case filters.And(inner) | filters.Or(inner):
            return replace(filter, filters=tuple(_usable(one, text, label) for one in inner))
        case filters.Not(inner):
            return filters.Not(_usable(inner, text, label))
        case filters.Approx(attribute, value):
            return filters.Equality(attribute, value)
        case filters.Extensible(attribute, rule, _, dn_attributes):
            if attribute is None or dn_attributes or rule not in (None, filters.BIT_AND, filters.BIT_OR):
                raise EndpointError(
                    f"the filter {text} has the part {filters.to_text(filter)}, which only a directory can"
                    " decide.",
                    endpoint=label,
                    remedy="Write it with = >= <= and *, as in (&(objectClass=person)(mail=*)).",
                )
            return filter
        case _:
            return filter


def _without(filter: filters.Filter, unknown: Collection[str]) -> filters.Filter:
    """The filter in which everything that asks about one of these attributes is Undefined."""
    match filter:
        case filters.And(inner) | filters.Or(inner):
            return replace(filter, filters=tuple(_without(one, unknown) for one in inner))
        case filters.Not(inner):
            return filters.Not(_without(inner, unknown))
        case _:
            if filters.attributes(filter).isdisjoint(unknown):
                return filter
            # A component without an attribute is one that no rule is known for.
            return filters.Extensible(None, "0.0", b"")
