"""How long the command line takes to start and check a small definition."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.frame import Aim, Options, Result, Sample, in_turn
from benchmarks.setting import JOBS

_BOUND = """\
Importing: pydantic and the models of a definition with their validators, and the YAML parser. Neither the database layer nor
Airflow is imported, and python-ldap only for a DN that is not plain."""  # noqa: E501


def measure(options: Options) -> list[Result]:
    """One result."""
    options.say("Start of the command line …")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = Path(folder) / "small.yaml"
        file.write_text("name: bench\njobs:\n" + JOBS["people"], encoding="utf-8")
        command = [str(Path(sys.executable).with_name("directory-sync")), "validate", str(file)]
        _timed(command)  # whatever has to be compiled first
        runs, floors = in_turn(
            max(9, options.repeat), lambda: _timed([sys.executable, "-c", "pass"]), lambda: _timed(command)
        )
    return [
        Result(
            "`directory-sync validate` of a small file",
            "`python -c pass`",
            Aim(seconds=0.5),
            runs,
            floors,
            bound=_BOUND,
        )
    ]


def _timed(command: list[str]) -> Sample:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Sample(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
