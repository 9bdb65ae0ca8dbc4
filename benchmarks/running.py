"""Starts runs in processes of their own and sees that they did what they should."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.frame import Sample
from benchmarks.memory import PeakMemory
from benchmarks.setting import Setting
from tests.scenarios.slapd import Slapd


def run(setting: Setting, **expected: int) -> Sample:
    """Run the setting's collection once.

    Raises RuntimeError if it did anything else than expected (statistics by name).
    """
    with _server_cpu(setting.servers) as server_cpu:
        figures = _figures(_start(setting), expected)
    return Sample(figures["seconds"], figures["cpu"], server_cpu())


def memory_of_run(setting: Setting, **expected: int) -> float:
    """MiB at the peak of one run that is not timed."""
    process = _start(setting)
    with PeakMemory(process.pid) as memory:
        _figures(process, expected)
    return memory.peak


def _start(setting: Setting) -> subprocess.Popen[str]:
    names = ("source", "destination")
    servers = {
        name: {"port": port, "login": server.admin}
        for name, port, server in zip(names, setting.ports, setting.servers, strict=True)
    }
    order = setting.folder / "order.json"
    order.write_text(
        json.dumps({"definition": setting.definition, "servers": servers, "store": setting.store}),
        encoding="utf-8",
    )
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.one_run", str(order)],
        cwd=Path(__file__).resolve().parent.parent,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )


def _figures(process: subprocess.Popen[str], expected: dict[str, int]) -> dict[str, float]:
    output, _ = process.communicate()
    if not output:
        raise RuntimeError(f"the run ended with {process.returncode} and said nothing")
    figures = json.loads(output.splitlines()[-1])
    found = figures["statistics"]
    if figures["failed"] or any(found[name] != number for name, number in expected.items()):
        raise RuntimeError(f"expected {expected}, but: {figures['failed']} {found}")
    return {"seconds": figures["seconds"], "cpu": figures["cpu"]}


@contextmanager
def _server_cpu(servers: Iterable[Slapd]) -> Iterator[Callable[[], float]]:
    servers = list(servers)
    before = sum(map(process_cpu, (server.pid for server in servers)))
    yield lambda: sum(map(process_cpu, (server.pid for server in servers))) - before


def process_cpu(pid: int) -> float:
    """Seconds of CPU that a process has taken so far, with the children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
