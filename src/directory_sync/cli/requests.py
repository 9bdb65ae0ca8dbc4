"""`directory-sync requests …`: what the requests view of a running Airflow does, through its REST API and
never past it.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator

from directory_sync.cli.answered_changes import change_lines, write_download
from directory_sync.cli.exit_status import ExitStatus
from directory_sync.cli.outcome_text import count
from directory_sync.cli.requests_actions import approve, cancel, deny, reroute
from directory_sync.cli.requests_session import Session, open_session
from directory_sync.cli.requests_text import COLUMNS, detail_lines, list_row, pattern_lines
from directory_sync.cli.tables import show_table
from directory_sync.cli.terminal import data_output, message
from directory_sync.endpoints.change import WORST_FIRST
from directory_sync.portal.wire.requests import RequestAnswer
from directory_sync.present.terminal import ChangeStyle, is_terminal
from directory_sync.printable import printable_json

_FILTERS = (
    "collection",
    "job",
    "requester",
    "approver",
    "decided_by",
    "object",
    "description",
    "state",
    "event",
)


def main(arguments: Namespace) -> ExitStatus:
    """Do one thing with requests.

    Raises:
        NotAllowed: Airflow does not accept the login, or this person may not do that.
        RequestError: there is no such request, or someone was first.
        EndpointError: Airflow cannot be reached, or reports an error.
    """
    with open_session(arguments) as session:
        return _ACTIONS[arguments.action](session, arguments)


def _list(session: Session, arguments: Namespace) -> ExitStatus:
    query = {name: getattr(arguments, name) for name in _FILTERS}
    query |= {"list": arguments.list, "from": arguments.from_, "until": arguments.until}
    found = session.requests(query, arguments.first)
    if arguments.format == "json":
        data = {"requests": found.data, "total": found.total}
        print(printable_json(data, indent=2), file=data_output())
        return ExitStatus.OK
    _show_table(found.requests)
    shown = len(found.requests)
    more = (
        f" of {found.total:,}; --first {min(found.total, 1_000_000)} shows all of them"
        if shown < found.total
        else ""
    )
    message(f"{count(shown, 'request')}{more}.")
    return ExitStatus.OK


def _show_table(requests: Iterable[RequestAnswer]) -> None:
    rows = [list_row(request) for request in requests]
    show_table(COLUMNS, rows, numbers={"request"}, in_terminal=is_terminal(sys.stdout))


def _show(session: Session, arguments: Namespace) -> ExitStatus:
    match arguments.format:
        case "csv" | "ldif":
            write_download(session.download(arguments.request, arguments.format))
        case "json":
            _show_json(session, arguments.request, with_changes=arguments.changes)
        case _:
            details = session.details(arguments.request)
            for line in detail_lines(details):
                print(line)
            for line in pattern_lines(session.patterns(arguments.request)):
                print(line)
            if arguments.changes:
                sys.stdout.writelines(_change_lines(session, arguments.request, details.request.changes))
    return ExitStatus.OK


def _show_json(session: Session, number: int, *, with_changes: bool) -> None:
    """The API's own answer; with changes, those as one list, page by page, because there may be very many."""
    stream = data_output()
    data = session.details_data(number)
    if not with_changes:
        print(printable_json(data, indent=2), file=stream)
        return
    stream.write(printable_json(data)[:-1] + ', "changes": [')
    separator = "\n"
    for page in session.change_data(number):
        for change in page:
            stream.write(separator + printable_json(change))
            separator = ",\n"
    stream.write("\n]}\n")


def _change_lines(session: Session, number: int, total: int) -> Iterator[str]:
    """Each change's lines, the most serious kind first; last those of kinds that only a newer server
    knows.
    """
    style = ChangeStyle.of(sys.stdout)
    yield "changes:\n"
    left = total
    for action in (*WORST_FIRST, None):
        if action is None and left <= 0:
            break
        for answer in session.changes(number, action):
            if action is None and answer.action in WORST_FIRST:
                continue
            left -= 1
            yield from change_lines(answer, style)


_ACTIONS: dict[str, Callable[[Session, Namespace], ExitStatus]] = {
    "list": _list,
    "show": _show,
    "approve": approve,
    "deny": deny,
    "reroute": reroute,
    "cancel": cancel,
}
