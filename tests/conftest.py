"""What holds for every test: unit tests come first, logging stays as it was, and where CI says so nothing may
be skipped.
"""

from __future__ import annotations

import logging
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests.scenarios.examples import examples
from tests.scenarios.known_schemas import keep_schemas
from tests.scenarios.quick_engines import share_what_engines_learn
from tests.scenarios.turns import Turns, rank, turn

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from playwright.sync_api import Browser

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


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put unit tests first, so that a simple mistake shows in seconds.

    Within a folder the order stays random. Where several processes run the tests, one begins with what takes
    longest.
    """
    found: dict[str, Any] | None = getattr(config, "workerinput", None)
    if found is None:
        items.sort(key=lambda item: rank(_file(item)))
    else:
        items.sort(key=lambda item: turn(_file(item), found["workercount"]))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where several processes run the tests, they take turns of our own."""
    return Turns(config, log)


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
