"""Reads the file with the rules of connections. What is wrong in it is told with file, line and key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from directory_sync.definition.documents import Document, parse_tree, read_document
from directory_sync.definition.nodes import Entries, to_data
from directory_sync.definition.places import Places
from directory_sync.definition.problems import Problem
from directory_sync.definition.validation import problems_of
from directory_sync.errors import ConnectionRulesError
from directory_sync.rights.connection_rules import ConnectionRules

SETTING = "connection_rules"
_BEGINS = "the rules begin with connections: and name each connection below it"


def read_connection_rules(file: Path | None) -> ConnectionRules | None:
    """The rules in a file; None for no file, which means that there are no rules.

    Raises ConnectionRulesError if there is a file, but no rules can be read from it: nothing may run then,
    because no one can tell what is allowed.
    """
    return None if file is None else parse_connection_rules(read_document(file))


def rules_or_error(file: Path | None) -> ConnectionRules | ConnectionRulesError | None:
    """The same, with the error as a value: for what has other things to do than to use connections."""
    try:
        return read_connection_rules(file)
    except ConnectionRulesError as error:
        return error


def parse_connection_rules(document: Document) -> ConnectionRules:
    """The rules in a text, YAML or JSON. Raises ConnectionRulesError with every problem."""
    if document.unreadable is not None:
        raise _wrong([document.unreadable])
    root, problems = parse_tree(document.text, document.origin, begins=_BEGINS)
    if not isinstance(root, Entries) or problems:
        raise _wrong(problems)
    data, places = to_data(root), Places.of(root, document.origin)
    try:
        return ConnectionRules.model_validate(data)
    except ValidationError as error:
        raise _wrong(problems_of(error, data, places, ConnectionRules)) from None


def _wrong(problems: Sequence[Problem]) -> ConnectionRulesError:
    lines = "\n".join(str(problem) for problem in problems)
    return ConnectionRulesError(
        f"Setting [directory_sync] {SETTING}: the rules of connections cannot be used, so nothing runs.\n"
        f"{lines}\nCorrect the file. The setting is in airflow.cfg or in"
        f" AIRFLOW__DIRECTORY_SYNC__{SETTING.upper()}.",
        problems,
    )
