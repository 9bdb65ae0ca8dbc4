"""Pages of the portal about a request with 100,000 changes, and an inbox with 5,000 requests, through the
real app and HTTP.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from sqlalchemy import make_url

from benchmarks.databases import databases, postgres_connection
from benchmarks.frame import Aim, Options, Result, Sample
from benchmarks.large_requests import save_large_requests, save_waiting_requests
from benchmarks.page_server import PageServer
from directory_sync.store.store import Store

_CHANGES = 100_000
_WAITING = 5_000
_CALLS = 5
"""How often each page is asked for, for one sample; the median counts."""

_PAGE, _SEARCH, _INBOX = Aim(within=0.3), Aim(within=1.0), Aim(within=0.2)
_ROWS = "SELECT sequence, payload FROM directory_sync_change WHERE plan_id "
_ONE_PAGE = _ROWS + "= {plan} AND sequence > {after} ORDER BY sequence LIMIT 101"
_SCAN = "SELECT count(*) FROM directory_sync_change WHERE plan_id = {plan} AND search LIKE '%{text}%'"
_KIND = "SELECT count(*) FROM directory_sync_change WHERE plan_id = {plan} AND action = 'delete'"
_ALL = _ROWS + "= {plan} ORDER BY sequence"
_BOTH = _ROWS + "IN ({old}, {plan}) ORDER BY plan_id, sequence"
_PENDING = "SELECT * FROM directory_sync_request WHERE state = 'pending' ORDER BY id DESC LIMIT 51"

_BY_HTML = (
    "Making the HTML of 100 changes; and reading which kinds of change there are, and where the worst of them"
    " stand."
)
_BY_SCAN = (
    "Reading what all changes of the plan are searched by: no database has an index for parts of texts"
    " without an extension."
)
_BY_COUNT = "Counting the changes of the kind, for the heading of the list; then making the HTML."


@dataclass(frozen=True, slots=True)
class _Page:
    """What is asked for, and what it is held against.

    Attributes:
        path: below the portal's root; `{new}`, `{old}` are the requests.
        floor: the query that nobody is faster than, by the bare driver.
        once: it is as slow as it is only the first time, so that each sample is one call of a server that was
            just started.
    """

    name: str
    path: str
    floor: str
    floor_is: str
    aim: Aim
    bound: str
    after: int = -1
    text: str = ""
    calls: int = _CALLS
    once: bool = False


_CHANGES_PATH = "/requests/{new}/changes"
_BY_INDEX, _BY_LIKE, _READ_BOTH = (
    "the same rows by index",
    "LIKE over the plan's changes",
    "reading both plans' changes",
)
_PAGES = (
    _Page("Request page", "/requests/{new}", _ONE_PAGE, _BY_INDEX, _PAGE, _BY_HTML),
    _Page("Changes, page 1", _CHANGES_PATH, _ONE_PAGE, _BY_INDEX, _PAGE, _BY_HTML),
    _Page(
        "Changes, page 500",
        _CHANGES_PATH + "?more=1&after=49899",
        _ONE_PAGE,
        _BY_INDEX,
        _PAGE,
        _BY_HTML,
        after=49_899,
    ),
    _Page("Deletions only", _CHANGES_PATH + "?action=delete", _KIND, "counting them", _PAGE, _BY_COUNT),
    _Page(
        "Search, 1 % found",
        _CHANGES_PATH + "?search=DIRECTOR",
        _SCAN,
        _BY_LIKE,
        _SEARCH,
        _BY_SCAN,
        text="director",
    ),
    _Page(
        "Search, none found",
        _CHANGES_PATH + "?search=nobody",
        _SCAN,
        _BY_LIKE,
        _SEARCH,
        _BY_SCAN,
        text="nobody",
    ),
    _Page(
        "Search, all found",
        _CHANGES_PATH + "?search=example",
        _SCAN,
        _BY_LIKE,
        _SEARCH,
        _BY_SCAN,
        text="example",
    ),
    _Page(
        "Comparison, first page",
        "/requests/{new}/comparison?with={old}",
        _BOTH,
        _READ_BOTH,
        _PAGE,
        "Reading both plans to find the changes that differ. Which those are is kept for the pages that"
        " follow.",
        once=True,
    ),
    _Page(
        "Comparison, page 5",
        "/requests/{new}/comparison?with={old}&after=400",
        _BOTH,
        _READ_BOTH,
        _PAGE,
        "Reading the 1 % of the changes that differ, and comparing them object by object.",
    ),
    _Page(
        "Download as CSV",
        "/api/v1/requests/{new}/changes.csv",
        _ALL,
        "reading the rows",
        Aim(),
        "Python: a third of the CPU makes changes of the rows, two thirds make CSV of them, ten cells for"
        " each field.",
        calls=1,
    ),
    _Page(
        "Inbox, 5,000 wait",
        "/requests?list=inbox",
        _PENDING,
        "the newest 50",
        _INBOX,
        "Counting all pending requests, for the list and for the badge, about half of the CPU; then the"
        " HTML.",
    ),
)


def measure(options: Options) -> list[Result]:
    """All pages, on SQLite and on PostgreSQL."""
    changes = options.people or _CHANGES
    results = []
    for name, url in databases():
        options.say(f"two requests of {changes:,} changes, and {_WAITING:,} that wait, on {name}")
        with Store.open(url) as store:
            save_waiting_requests(store, url, _WAITING)
            old, new = save_large_requests(store, changes)
            numbers = {"old": old, "new": new, "plan": store.requests.get(new).request.plan_id}
            plans = {"old": store.requests.get(old).request.plan_id, "plan": numbers["plan"]}
        with _bare(url) as query:
            for page in _PAGES:
                options.say(f"{page.name} on {name}")
                results.append(
                    _measured(page, name, url, page.path.format(**numbers), plans, query, options.repeat)
                )
    return results


def _measured(
    page: _Page,
    database: str,
    url: str,
    path: str,
    plans: dict[str, int],
    query: Callable[[str], object],
    repeat: int,
) -> Result:
    runs, floors, first_bytes, memory, size = [], [], [], [], 0
    floor = page.floor.format(**plans, after=page.after, text=page.text)
    servers = repeat if page.once else 1
    for _ in range(servers):
        with PageServer(url) as server:
            if not page.once:
                _call(server, path)  # templates are compiled, and caches of the database filled
            for _ in range(repeat // servers):
                floors.append(median(_timed(query, floor) for _ in range(page.calls)))
                resident, cpu = server.resident(), server.cpu()
                calls = [_call(server, path) for _ in range(1 if page.once else page.calls)]
                cpu = (server.cpu() - cpu) / len(calls)
                runs.append(Sample(median(call.seconds for call in calls), client_cpu=cpu))
                first_bytes.append(median(call.first_byte for call in calls))
                memory.append((server.peak() - resident) / 2**20)
                size = calls[0].size
    seconds = median(run.seconds for run in runs)
    rate = f" {size / 2**20 / seconds:.1f} MiB/s," if size > 2**22 else ""
    return Result(
        work=f"{page.name}, {database}",
        floor_is=f"{page.floor_is}, by the bare driver",
        aim=page.aim,
        runs=runs,
        floors=[Sample(each) for each in floors],
        facts=(
            f"{_size(size)},{rate} first byte after {1000 * median(first_bytes):.0f} ms.",
            f"The server's memory grows by {max(memory):.0f} MiB at most.",
        ),
        bound=page.bound,
    )


@dataclass(frozen=True, slots=True)
class _Call:
    seconds: float
    first_byte: float
    size: int


def _call(server: PageServer, path: str) -> _Call:
    begin, first, size = time.perf_counter(), 0.0, 0
    with server.client.stream("GET", path) as answer:
        answer.raise_for_status()
        for part in answer.iter_raw():
            first = first or time.perf_counter() - begin
            size += len(part)
    return _Call(time.perf_counter() - begin, first, size)


@contextmanager
def _bare(url: str) -> Iterator[Callable[[str], object]]:
    """What runs a query by the database's bare driver and reads all of its rows, a thousand at a time."""
    connection = (
        sqlite3.connect(str(make_url(url).database)) if url.startswith("sqlite") else postgres_connection(url)
    )

    def run(query: str) -> int:
        cursor = connection.cursor()
        cursor.execute(query)
        return sum(map(len, iter(lambda: cursor.fetchmany(1_000), [])))

    try:
        yield run
    finally:
        connection.close()


def _timed(action: Callable[[str], object], query: str) -> float:
    begin = time.perf_counter()
    action(query)
    return time.perf_counter() - begin


def _size(size: int) -> str:
    return f"{size / 2**20:.1f} MiB" if size > 2**20 else f"{size / 2**10:.0f} KiB"
