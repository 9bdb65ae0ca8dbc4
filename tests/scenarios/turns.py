"""Which tests share a process, and whose turn it is, where several processes run them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_PROJECT = Path(__file__).parents[2]
_ORDER = ("unit", "local", "airflow", "portal", "chaos", "endpoints")
"""What fails in seconds comes first."""
_SHARED = re.compile(r"\b(samba|directory389|faulty_airflow|PortalServer)\b")
"""What takes so long to start that all who need it wait for each other, in one process."""
_OWN = re.compile(r"with PortalServer\(|= FaultyAirflow\(")
"""In a file that starts one of its own."""
_LONG = (
    "faulty_airflow",
    "PortalServer",
    "tests/airflow/test_browser.py",
    "tests/airflow/test_more_than_one_machine.py",
    "tests/airflow/test_previews.py",
    "tests/chaos/test_campaign.py",
    "samba",
    "tests/airflow/test_dag_processor.py",
    "tests/portal/test_saved_in_airflow.py",
    "directory389",
    "tests/airflow/test_run_order.py",
)
"""What takes longest, the longest first; all of them wait for servers more than they compute."""
_AIRFLOWS = frozenset(
    {
        "faulty_airflow",
        "PortalServer",
        "tests/airflow/test_browser.py",
        "tests/airflow/test_cli_requests_portal.py",
        "tests/airflow/test_dag_processor.py",
        "tests/airflow/test_more_than_one_machine.py",
        "tests/airflow/test_previews.py",
        "tests/portal/test_saved_in_airflow.py",
    }
)
"""What starts processes of Airflow."""
_MOST_AIRFLOWS = 2
"""How many processes may have an Airflow at the same moment: with three, answers come too late on a machine
that has something else to do as well.
"""


def rank(file: str) -> int:
    """The place of a file's folder: what fails in seconds comes first."""
    folder = file.split("/")[1]
    return _ORDER.index(folder) if folder in _ORDER else len(_ORDER)


def turn(file: str, processes: int) -> tuple[int, int]:
    """When a file is handed to one of several processes, so that all of them end together.

    What takes longest begins at once, in all processes but the one that begins with the unit tests, where
    simple mistakes show; in the end comes what is soon done.
    """
    group = together(file)
    place = _LONG.index(group) if group in _LONG else len(_LONG)
    if place < min(_MOST_AIRFLOWS, processes - 1):
        return 0, place
    if rank(file) < _ORDER.index("airflow"):
        return 1, rank(file)
    return 2, place


@cache
def together(file: str) -> str:
    """What a file of tests shares a process with: all that needs the same slow server."""
    text = (_PROJECT / file).read_text(encoding="utf-8")
    shared = _SHARED.search(text)
    return file if shared is None or _OWN.search(text) else shared[0]


class Turns(LoadScopeScheduling):  # type: ignore[misc]
    """Files stay in one process, and so does everything that needs the same slow server. Not all processes
    wait for an Airflow: two do, and the others use the time.

    Not by the mark `xdist_group`: pytest-xdist 3.8.0 loses it with pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid.partition("::")[0])

    def _assign_work_unit(self, node: Any) -> None:
        scope = next((scope for scope in self.workqueue if self._fits(scope, node)), None)
        if scope is None:
            node.shutdown()  # nothing is left but Airflows, and others are with them
            return
        self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)

    def _fits(self, scope: str, node: Any) -> bool:
        """Whether that process may have it now."""
        if scope not in _AIRFLOWS:
            return True
        others = [
            other
            for other, work in self.assigned_work.items()
            if other is not node
            and any(name in _AIRFLOWS and not all(done.values()) for name, done in work.items())
        ]
        return len(others) < _MOST_AIRFLOWS
