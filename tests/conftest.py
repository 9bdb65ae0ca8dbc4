"""What holds for every test: unit tests come first, logging stays as it was, and where CI says so nothing may
be skipped.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests.scenarios.examples import examples
from tests.scenarios.known_schemas import keep_schemas
from tests.scenarios.quick_engines import share_what_engines_learn

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from playwright.sync_api import Browser

_ORDER = ("unit", "local", "airflow", "portal", "chaos", "endpoints")
"""What fails in seconds comes first."""
_HERE = Path(__file__).parent
_SHARED = re.compile(r"\b(samba|directory389|faulty_airflow|PortalServer)\b")
"""What takes so long to start that all who need it wait for each other, in one process."""
_OWN = re.compile(r"with PortalServer\(|= FaultyAirflow\(")
"""In a file that starts one of its own."""
_LONG = (
    "faulty_airflow",
    "PortalServer",
    "tests/airflow/test_more_than_one_machine.py",
    "tests/airflow/test_previews.py",
    "tests/airflow/test_browser.py",
    "tests/chaos/test_campaign.py",
    "samba",
    "tests/airflow/test_dag_processor.py",
    "directory389",
    "tests/airflow/test_run_order.py",
)
"""What takes longest, the longest first; all of them wait for servers more than they compute."""
_AT_ONCE = 1
"""How many of these begin before the unit tests do."""


# Nothing is said of time: the machine may be busy.
settings.register_profile(
    "directory-sync",
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("directory-sync")
share_what_engines_learn()
keep_schemas()


def _rank(item: pytest.Item) -> int:
    folder = item.path.relative_to(_HERE).parts[0]
    return _ORDER.index(folder) if folder in _ORDER else len(_ORDER)


def _turn(item: pytest.Item) -> tuple[int, int]:
    """When an item is handed to one of several processes, so that all of them end together: what takes
    longest as soon as simple mistakes would have shown, and in the end what is soon done.
    """
    group = _together(item.nodeid.partition("::")[0])
    place = _LONG.index(group) if group in _LONG else len(_LONG)
    rank = _rank(item)
    if place < _AT_ONCE:
        return 0, place
    if rank < _ORDER.index("airflow"):
        return 1, rank
    return 2, place


@cache
def _together(file: str) -> str:
    """What a file of tests shares a process with: all that needs the same slow server."""
    text = (_HERE.parent / file).read_text(encoding="utf-8")
    shared = _SHARED.search(text)
    return file if shared is None or _OWN.search(text) else shared[0]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put unit tests first, so that a simple mistake shows in seconds.

    Within a folder the order stays random. Where several processes run the tests, one begins with what takes
    longest.
    """
    items.sort(key=_turn if hasattr(config, "workerinput") else _rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where several processes run the tests, a file stays in one of them, and so does everything that needs
    the same slow server.

    Not by the mark `xdist_group`: pytest-xdist 3.8.0 loses it with pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):  # type: ignore[misc,no-any-unimported]
        def _split_scope(self, nodeid: str) -> str:
            return _together(nodeid.partition("::")[0])

    return Together(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With `CI=true` a skipped test is a failed one: a part that is missing there must be noticed."""
    report = yield
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.longrepr = f"{reason}\nCI=true: nothing may be skipped."
    return report


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Commands that run inside a test configure logging for the whole process; the next test must not
    notice.
    """
    root, own = logging.getLogger(), logging.getLogger("directory_sync")
    handlers, levels = root.handlers[:], (root.level, own.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    own.setLevel(levels[1])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window, that finds the host of Airflow's `base_url` on this machine.

    One for each module: while Playwright runs, an event loop runs in this thread, and no test may start
    another.
    """
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)  # a busy machine is no fault of the page

    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed")
    options = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--host-resolver-rules=MAP airflow.example 127.0.0.1",
    ]
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=options)
        yield found
        found.close()
