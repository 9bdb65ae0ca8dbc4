"""`directory-sync collections …`: saved collections of a running Airflow, through its REST API and never past
it.
"""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace

from directory_sync.cli.collections_session import Collections, read_text
from directory_sync.cli.collections_text import (
    COLUMNS,
    VERSION_COLUMNS,
    change_texts,
    list_row,
    saved_lines,
    version_row,
)
from directory_sync.cli.definitions import show_problems
from directory_sync.cli.exit_status import ExitStatus, UsageError
from directory_sync.cli.outcome_text import count
from directory_sync.cli.previewing import preview_edited
from directory_sync.cli.requests_session import open_session
from directory_sync.cli.tables import show_table
from directory_sync.cli.terminal import data_output, message, warn
from directory_sync.definition.documents import Document
from directory_sync.definition.loading import Broken, judge
from directory_sync.definition.problems import Problem, has_errors
from directory_sync.errors import CollectionInUse, DefinitionError
from directory_sync.portal.wire.collections import ProblemOfDefinition, SavedAnswer, VersionAnswer
from directory_sync.present.terminal import is_terminal
from directory_sync.printable import printable, printable_json

_PAUSE = 2.0
"""Seconds between two tries to delete what is still under way."""


def main(arguments: Namespace) -> ExitStatus:
    """Do one thing with saved collections.

    Raises:
        NotAllowed: Airflow does not accept the login, or this person may not do that.
        CollectionError: there is no such collection, another person was first, or something is under way.
        DefinitionError: the definition cannot be used.
        EndpointError: Airflow cannot be reached, or reports an error.
    """
    with open_session(arguments) as session:
        return _ACTIONS[arguments.action](Collections(session), arguments)


def _list(collections: Collections, arguments: Namespace) -> ExitStatus:
    data = collections.all_data()
    if arguments.format == "json":
        print(printable_json(data, indent=2), file=data_output())
        return ExitStatus.OK
    found = collections.all(data).collections
    show_table(COLUMNS, map(list_row, found), numbers={"version"}, in_terminal=is_terminal(sys.stdout))
    message(f"{count(len(found), 'collection')}.")
    for text in dict.fromkeys(each.dag.message for each in found if each.dag.state == "no_bundle"):
        warn(text)
    return ExitStatus.OK


def _show(collections: Collections, arguments: Namespace) -> ExitStatus:
    number, name = arguments.version, arguments.name
    data = collections.show_data(name) if number is None else collections.version_data(name, number)
    if arguments.format == "json":
        print(printable_json(data, indent=2), file=data_output())
        return ExitStatus.OK
    text = collections.version(data).text
    # What goes into a file stays as it was saved; a terminal gets nothing that it would obey.
    if is_terminal(sys.stdout):
        text = "\n".join(map(printable, text.split("\n")))
    data_output().write(text)
    return ExitStatus.OK


def _versions(collections: Collections, arguments: Namespace) -> ExitStatus:
    data = collections.versions_data(arguments.name)
    if arguments.format == "json":
        print(printable_json(data, indent=2), file=data_output())
        return ExitStatus.OK
    rows = map(version_row, collections.versions(data))
    show_table(VERSION_COLUMNS, rows, numbers={"version"}, in_terminal=is_terminal(sys.stdout))
    return ExitStatus.OK


def _save(collections: Collections, arguments: Namespace) -> ExitStatus:
    file = str(arguments.file)
    text = read_text(arguments.file)
    found = judge(Document("", text, "definition"))
    if isinstance(found, Broken) and found.name is None:
        raise DefinitionError([replace(each, file=file) for each in found.problems])
    name = str(found.name)
    try:
        expected = arguments.expected
        if expected is None:
            expected = _seen(collections, name, text, file)
        if expected is None:
            message("Nothing was saved.")
            return ExitStatus.FAILED
        saved = collections.save(name, text, expected=expected, comment=arguments.comment)
    except DefinitionError as error:
        # The server names the collection; here it is a file, whose lines can be shown.
        raise DefinitionError([replace(each, file=file) for each in error.problems]) from None
    return _tell(saved, file)


def _seen(collections: Collections, name: str, text: str, file: str) -> int | None:
    """The number of the version that the person agrees to replace; None if they do not.

    Raises UsageError where no one can be asked, DefinitionError for a definition that cannot be used.
    """
    checked = collections.check(name, text)
    problems = [_problem(each, file) for each in checked.problems]
    if has_errors(problems) and not checked.breaks_rules:
        raise DefinitionError(problems)
    if checked.number == 0 or not checked.usable:
        return checked.number  # the server says why it cannot be saved
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise UsageError(
            f"save: {name} is saved already (version {checked.number}). Without a terminal, --expected has to"
            " say which version was edited."
        )
    print(f"{printable(name)}: against version {checked.number}", file=sys.stderr)
    for line in change_texts(checked.changes):
        print(f"  {line}", file=sys.stderr)
    print("Save this as a new version? Type yes: ", end="", file=sys.stderr, flush=True)
    return checked.number if sys.stdin.readline().strip().lower() == "yes" else None


def _delete(collections: Collections, arguments: Namespace) -> ExitStatus:
    name, confirm, expected = arguments.name, arguments.confirm, arguments.expected
    if expected is None:
        expected = collections.newest_number(name)
    if confirm is None:
        if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
            raise UsageError(f"delete: without a terminal, --confirm {name} has to say that it is meant.")
        print(
            f"Delete the collection {printable(name)}, and what its jobs know of objects? Its versions, runs"
            " and requests stay. Type its name: ",
            end="",
            file=sys.stderr,
            flush=True,
        )
        confirm = sys.stdin.readline().strip()
    if confirm != name:
        message("That is not its name. Nothing was deleted.")
        return ExitStatus.FAILED
    deleted = _delete_when_ended(collections, arguments, max(expected, 1))
    if deleted is None:
        return ExitStatus.FAILED
    print(f"{printable(deleted.name)}: deleted; version {deleted.number} is the deletion")
    return ExitStatus.OK


def _delete_when_ended(collections: Collections, arguments: Namespace, expected: int) -> VersionAnswer | None:
    """Delete a collection; with `--stop`, as soon as what was stopped has ended. None if that takes too
    long.
    """
    name, stops = arguments.name, arguments.stop
    until = time.monotonic() + arguments.wait
    told = False
    while True:
        try:
            return collections.delete(
                name, expected=expected, confirm=name, comment=arguments.comment, stop=stops
            )
        except CollectionInUse as error:
            if not stops:
                raise
            if time.monotonic() >= until:
                message(f"{error} What was stopped has not ended within {arguments.wait} s. Try again later.")
                return None
        if not told:
            message("Its runs are stopped and its requests cancelled; waiting until they have ended.")
            told = True
        time.sleep(_PAUSE)


def _restore(collections: Collections, arguments: Namespace) -> ExitStatus:
    name, expected = arguments.name, arguments.expected
    if expected is None:
        expected = collections.newest_number(name)
    saved = collections.restore(name, arguments.number, expected=expected, comment=arguments.comment)
    return _tell(saved, name)


def _rename(collections: Collections, arguments: Namespace) -> ExitStatus:
    name, to, expected = arguments.name, arguments.to, arguments.expected
    if expected is None:
        expected = collections.newest_number(name)
    body = {"to": to, "expected": max(expected, 1), "comment": arguments.comment}
    saved = collections.rename(name, body)
    print(f"{printable(name)}: renamed to {printable(saved.version.name)}, version {saved.version.number}")
    if saved.dag.message:
        message(saved.dag.message)
    return ExitStatus.OK


def _preview(collections: Collections, arguments: Namespace) -> ExitStatus:
    if arguments.edited is None:
        return _run(collections, arguments)
    if arguments.reason:
        raise UsageError("preview: --reason belongs to a run, and --edited starts none.")
    try:
        return preview_edited(collections, arguments)
    except DefinitionError as error:
        # The server names the collection; here it is a file, whose lines can be shown.
        file = str(arguments.edited)
        raise DefinitionError([replace(each, file=file) for each in error.problems]) from None


def _run(collections: Collections, arguments: Namespace) -> ExitStatus:
    preview = arguments.action == "preview"
    body = {"reason": arguments.reason, "jobs": arguments.job or [], "preview_only": preview}
    started = collections.start(arguments.name, body)
    what = "preview" if preview else "run"
    print(f"{printable(started.dag_id)}: {what} {printable(started.run_id)} started")
    return ExitStatus.OK


def _watch(collections: Collections, arguments: Namespace) -> ExitStatus:
    from directory_sync.cli.collections_running import watch  # with what a run needs, no other command does

    return watch(collections, arguments)


def _stop(collections: Collections, arguments: Namespace) -> ExitStatus:
    from directory_sync.cli.collections_running import stop

    return stop(collections, arguments)


def _report(collections: Collections, arguments: Namespace) -> ExitStatus:
    from directory_sync.cli.collections_report import report

    return report(collections, arguments)


def _tell(saved: SavedAnswer, file: str) -> ExitStatus:
    for line in saved_lines(saved):
        print(line)
    show_problems([_problem(each, file) for each in saved.problems], sys.stderr)
    if saved.dag.message:
        message(saved.dag.message)
    return ExitStatus.OK


def _problem(told: ProblemOfDefinition, file: str) -> Problem:
    return Problem(file, told.line, told.column, told.key, told.message, told.hint, told.severity)


_ACTIONS: dict[str, Callable[[Collections, Namespace], ExitStatus]] = {
    "list": _list,
    "show": _show,
    "versions": _versions,
    "save": _save,
    "delete": _delete,
    "rename": _rename,
    "restore": _restore,
    "run": _run,
    "preview": _preview,
    "report": _report,
    "stop": _stop,
    "watch": _watch,
}
