"""Whether a change holds a text where people can see it, told from its stored form: reading a plan as JSON
takes seconds.
"""

from __future__ import annotations

import functools
import json
import re
from itertools import chain
from typing import Any

from directory_sync.definition.secrets import IsSecret
from directory_sync.store.plan_pages import Matches

# What stands in every canonical form (`Change.canonical`) besides data: words in quotation marks, and what is
# between those.
_WORDS = (
    *(
        "action",
        "after",
        "fields",
        "field",
        "identity",
        "key",
        "new_object",
        "object",
        "late",
        "partial",
        "replace",
    ),
    *("marks", "kind", "subject", "via", "never_matched", "claimed_by"),
    *("new", "old", "base64", "create", "update", "move", "disable", "delete"),
    *("via", "marks", "kind", "subject", "never_matched", "claimed_by"),
)
_BETWEEN_QUOTES = frozenset("{}[]:,true")
_FIELD = re.compile(r'\{"field":"([^"]*)"')
_BINARY = re.compile(r'\{"base64":"[^"]*"\}')


def visible_text(search: str, is_secret: IsSecret) -> Matches:
    """What decides whether a change holds this text, in letters of any case.

    Looked at are the key, the object's ids, names of fields, and values that are text and not secret.
    """
    wanted = search.casefold()
    as_written = json.dumps(wanted, ensure_ascii=False) == f'"{wanted}"'
    told_apart = (
        as_written and not any(wanted in word for word in _WORDS) and not _BETWEEN_QUOTES.issuperset(wanted)
    )
    hidden = functools.cache(is_secret)  # a plan has few fields, and many changes

    def matches(payload: str, folded: str) -> bool:
        if not told_apart or "\\" in payload:
            return _holds(json.loads(payload), wanted, hidden)
        # No text in it holds a quotation mark, so each of these marks occurs as what it is.
        names = folded.rfind('"key":"')
        if wanted in folded[names:]:
            return True
        if any(map(hidden, _FIELD.findall(payload))):
            return _holds(json.loads(payload), wanted, hidden)
        identity = folded.rfind('],"identity":', 0, names)
        fields = folded[folded.find('"fields":[') : names if identity < 0 else identity]
        return wanted in fields and wanted in _BINARY.sub("", fields)

    return matches


def _holds(change: dict[str, Any], wanted: str, is_secret: IsSecret) -> bool:
    def in_values(field: dict[str, Any]) -> bool:
        # A value that is no text is not searched; people are shown its size only.
        return any(
            isinstance(value, str) and wanted in value.casefold()
            for value in chain(field["old"], field["new"])
        )

    if any(wanted in change.get(name, "").casefold() for name in ("key", "object", "new_object", "via")):
        return True
    return any(
        wanted in field["field"].casefold() or (in_values(field) and not is_secret(field["field"]))
        for field in change["fields"]
    )
