"""LDAP search filters (RFC 4515): text to a frozen tree and back, and what a filter says of an object we hold
in memory.
"""

from directory_sync.definition.filters.evaluation import BIT_AND, BIT_OR, Normalise, matches
from directory_sync.definition.filters.parser import MAX_DEPTH, MAX_LENGTH, FilterError, parse
from directory_sync.definition.filters.tree import (
    And,
    Approx,
    Equality,
    Extensible,
    Filter,
    GreaterOrEqual,
    Item,
    LessOrEqual,
    Not,
    Or,
    Present,
    Substrings,
    attributes,
    compared,
    is_attribute,
    items,
    to_text,
)

__all__ = [
    "BIT_AND",
    "BIT_OR",
    "MAX_DEPTH",
    "MAX_LENGTH",
    "And",
    "Approx",
    "Equality",
    "Extensible",
    "Filter",
    "FilterError",
    "GreaterOrEqual",
    "Item",
    "LessOrEqual",
    "Normalise",
    "Not",
    "Or",
    "Present",
    "Substrings",
    "attributes",
    "compared",
    "is_attribute",
    "items",
    "matches",
    "parse",
    "to_text",
]
