"""The demo leaves no process behind, and ends none that is not its own."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import airflow_server
from demo.processes import Ledger, listening_addresses

_FAMILY = "sleep 600 & setsid sleep 600 & wait"
"""A process with a child, and one below it that left the session."""


@pytest.fixture
def family() -> Iterator[subprocess.Popen[bytes]]:
    """A session leader with two processes below it."""
    process = subprocess.Popen(["sh", "-c", _FAMILY], start_new_session=True)
    time.sleep(0.3)
    yield process
    process.kill()
    process.wait()


def living(pids: set[int]) -> set[int]:
    """Those of the processes that run, dead ones that nobody has waited for left out."""
    found = set()
    for pid in pids:
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "ZX":
            found.add(pid)
    return found


def test_a_whole_family_ends(family: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """Ending a session leader ends its session, and what it started outside of it."""
    ledger = Ledger(tmp_path / "processes")
    ledger.add("family", family.pid)
    pids = {process.pid for process in ledger.running()}
    assert len(pids) == 3
    assert ledger.end_all(patience=5) == 3
    assert living(pids) == set()


def test_members_outlive_their_leader(family: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """What a killed leader left in its session is found by a ledger that was only read from the file."""
    Ledger(tmp_path / "processes").add("family", family.pid)
    family.kill()
    family.wait()
    ledger = Ledger(tmp_path / "processes")
    left = {process.pid for process in ledger.running()}
    assert left
    assert family.pid not in left
    ledger.end_all(patience=5)
    assert living(left) == set()
    assert ledger.running() == []


@pytest.mark.parametrize(
    "change", [{"started": 1}, {"boot": "another"}], ids=["reused id", "before a reboot"]
)
def test_strangers_are_left_alone(
    family: subprocess.Popen[bytes], tmp_path: Path, change: dict[str, object]
) -> None:
    """A process that has the id of one in the ledger, but not its start time or boot, belongs to somebody
    else.
    """
    file = tmp_path / "processes"
    ledger = Ledger(file)
    ledger.add("family", family.pid)
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}) + "\n")
    assert ledger.end_all(patience=1) == 0
    assert family.poll() is None


def test_a_stubborn_process_is_killed(tmp_path: Path) -> None:
    """A process that ignores SIGTERM is killed after the time given, or at once if somebody is in a hurry."""
    for patience, hurry in ((0.5, False), (60.0, True)):
        process = subprocess.Popen(
            ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], start_new_session=True
        )
        time.sleep(0.2)
        ledger = Ledger(tmp_path / "processes")
        ledger.add("stubborn", process.pid)
        begin = time.monotonic()
        ledger.end_all(patience=patience, hurry=lambda answer=hurry: answer)
        assert time.monotonic() - begin < 10
        assert process.wait(5) < 0


def test_a_torn_last_line_is_ignored(tmp_path: Path) -> None:
    """A ledger whose last line was cut off by a kill is still read."""
    file = tmp_path / "processes"
    Ledger(file).add("this test", os.getpid())
    whole = file.read_text()
    file.write_text(whole + whole[: len(whole) // 2])
    assert os.getpid() in {process.pid for process in Ledger(file).running()}


def test_listening_addresses_are_found(tmp_path: Path) -> None:
    """The addresses are those that a process accepts connections on, as the kernel writes them."""
    ledger = Ledger(tmp_path / "processes")
    program = (
        "import socket, time; servers = [socket.create_server((host, 0)) for host in ('127.0.0.1',"
        " '127.0.0.3')]; print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        ["python3", "-c", program], start_new_session=True, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        ledger.add("listener", process.pid)
        assert listening_addresses(ledger.running()) == {"0100007F", "0300007F"}
        ledger.end_all(patience=5)


def test_two_demos_that_start_together_take_different_ports() -> None:
    """Airflow listens only after many seconds; until then the first demo's claim keeps the second from its
    port.
    """
    first, claim = airflow_server._free_port(8080)
    with claim:
        second, other = airflow_server._free_port(first)
        with other:
            assert second != first
    again, claim = airflow_server._free_port(first)
    claim.close()
    assert again == first
