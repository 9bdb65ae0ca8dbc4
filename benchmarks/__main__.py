"""Measures what is asked for, all but the large ones if nothing is; prints a table and writes
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import replace
from importlib import import_module

from benchmarks import page
from benchmarks.frame import Measure, Options, Result

BENCHMARKS = {
    "no_change": "no_change:measure",
    "no_change_large": "no_change:measure_large",
    "first_load": "first_load:measure",
    "changes": "changes:measure",
    "latency": "latency:measure",
    "large_group": "large_group:measure",
    "dag_parsing": "dag_parsing:measure",
    "command_start": "command_start:measure",
    "gates": "gates:measure",
    "triggerer": "triggerer:measure",
    "decision": "decision:measure",
    "pages": "pages:measure",
    "patterns": "patterns:measure",
}
"""Name → where it is measured, in the order of the page."""
ON_DEMAND = {"no_change_large"}


def main() -> int:
    """Measure, print, write the page. Exit status 1 if an aim is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"which: {', '.join(BENCHMARKS)} (default: all but the large)",
    )
    parser.add_argument("--people", type=int, help="number of people (default: what the aims are about)")
    parser.add_argument("--repeat", type=int, default=3, help="how often each is measured (default: 3)")
    parser.add_argument("--no-page", action="store_true", help="print only; leave docs/benchmarks.md alone")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}. There are {', '.join(BENCHMARKS)}.")
    options = Options(
        arguments.people, arguments.repeat, say=lambda text: print(text, file=sys.stderr, flush=True)
    )
    found: list[Result] = []
    for name in arguments.names or [each for each in BENCHMARKS if each not in ON_DEMAND]:
        load = os.getloadavg()[0]
        if load > (os.cpu_count() or 1) / 4:
            options.say(
                f"The machine is busy (load {load:.1f}), so runs that use several cores will look slower than"
                " they are."
            )
        results = [replace(result, load=load) for result in _measure(name)(options)]
        found += results
        if not arguments.no_page:
            page.keep(name, results)
            page.write(list(BENCHMARKS))
    print(page.table(found))
    return 0 if all(result.reached for result in found) else 1


def _measure(name: str) -> Measure:
    module, _, function = BENCHMARKS[name].partition(":")
    measure: Measure = getattr(import_module(f"benchmarks.{module}"), function)
    return measure


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, subprocess.SubprocessError, OSError) as error:
        sys.exit(f"The benchmark failed: {error}")
