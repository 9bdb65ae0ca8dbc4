"""`directory-sync import`: saves the collections of a YAML file, through the REST API of an Airflow."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from directory_sync.cli.collections_session import Collections, read_text
from directory_sync.cli.collections_text import IMPORT_COLUMNS, change_texts, import_row
from directory_sync.cli.definitions import show_problems
from directory_sync.cli.exit_status import ExitStatus, UsageError
from directory_sync.cli.requests_session import open_session
from directory_sync.cli.tables import show_table
from directory_sync.cli.terminal import data_output
from directory_sync.definition.problems import Problem
from directory_sync.portal.wire.collections import ImportAnswer, ImportItemAnswer
from directory_sync.present.terminal import is_terminal
from directory_sync.printable import printable, printable_json

_NOT_SAVED = ("clash", "refused")
Choices = Mapping[str, Mapping[str, Any]]


def main(arguments: Namespace) -> ExitStatus:
    """Import a file: `FAILED` if a definition of it was not saved, `WRONG_USAGE` if one cannot be used,
    `NOT_ALLOWED` if the person may not.

    Raises as `collections`.
    """
    renamed = _renamed(arguments.rename or [])
    text = read_text(arguments.file)
    with open_session(arguments) as session:
        collections = Collections(session)
        data = collections.import_data({"text": text, "check_only": True})
        looked = collections.imported(data)
        if unknown := [name for name in renamed if name not in {item.name for item in looked.items}]:
            raise UsageError(f"--rename: the file holds no collection {unknown[0]}.")
        if not arguments.check:
            given = {name: {"do": "rename", "to": to} for name, to in renamed.items()}
            # What is replaced is what was there when the names were compared.
            choices = {**_choices(looked, arguments.clash), **given}
            body = {"text": text, "comment": arguments.comment, "choices": choices}
            data = collections.import_data(body)
    answer = collections.imported(data)
    if arguments.format == "json":
        print(printable_json(data, indent=2), file=data_output())
    else:
        columns, rows = IMPORT_COLUMNS, map(import_row, answer.items)
        show_table(columns, rows, numbers={"line", "version"}, in_terminal=is_terminal(sys.stdout))
        show_problems(_problems(answer, str(arguments.file)), sys.stderr)
    return _status(answer)


def _renamed(given: list[str]) -> dict[str, str]:
    renamed = {}
    for each in given:
        old, separator, new = each.partition("=")
        if not (separator and old and new):
            raise UsageError(f"--rename: write OLD=NEW, not {each!r}.")
        renamed[old] = new
    return renamed


def _choices(looked: ImportAnswer, clash: str) -> Choices:
    """What is to be done with each item whose name is taken."""
    choices: dict[str, Mapping[str, Any]] = {}
    can_ask = is_terminal(sys.stdin) and is_terminal(sys.stderr)
    for item in looked.items:
        if item.state != "clash" or item.name is None or item.name in choices:
            continue
        replace = {"do": "replace", "expected": item.version}
        if clash == "skip":
            choices[item.name] = {"do": "skip"}
        elif clash == "replace" and item.clash == "saved":
            choices[item.name] = replace
        elif clash == "ask" and can_ask:
            choices[item.name] = _ask(item, replace)
    return choices


def _ask(item: ImportItemAnswer, replace: Mapping[str, Any]) -> Mapping[str, Any]:
    may_replace = item.clash == "saved"
    print(f"{printable(item.name or '')}: the name is taken", file=sys.stderr)
    for line in change_texts(item.changes) if may_replace else [printable(item.detail)]:
        print(f"  {line}", file=sys.stderr)
    ways = "replace, skip, or a new name" if may_replace else "skip, or a new name"
    print(f"Type {ways} (skip): ", end="", file=sys.stderr, flush=True)
    typed = sys.stdin.readline().strip()
    if typed == "replace" and may_replace:
        return replace
    return {"do": "skip"} if typed in ("", "skip") else {"do": "rename", "to": typed}


def _problems(answer: ImportAnswer, file: str) -> list[Problem]:
    return [
        Problem(file, each.line, each.column, each.key, each.message, each.hint, each.severity)
        for item in answer.items
        for each in item.problems
    ]


def _status(answer: ImportAnswer) -> ExitStatus:
    if any(item.error in ("EditRefused", "RulesBroken") for item in answer.items):
        return ExitStatus.NOT_ALLOWED
    if any(item.error == "DefinitionError" for item in answer.items):
        return ExitStatus.WRONG_USAGE
    failed = any(item.state in _NOT_SAVED for item in answer.items)
    return ExitStatus.FAILED if failed else ExitStatus.OK
