"""`python -m tests.chaos`: a campaign from the command line; exits 1 if anything was found that must not
be.
"""

from __future__ import annotations

import argparse
import multiprocessing
import secrets
import sys
from concurrent.futures import ProcessPoolExecutor

from tests.chaos.campaign import KINDS, Share, play_share
from tests.chaos.report import Report


def main() -> int:
    """Play and report."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="of everything random")
    parser.add_argument("--faults", type=int, default=20, help="how many at least")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--size", type=int, default=120, help="number of people in a case")
    parser.add_argument("--only", action="append", default=[], help="name of a fault; may be given again")
    parser.add_argument(
        "--kind", action="append", choices=KINDS, help="kind of run; may be given again; default: all"
    )
    parser.add_argument(
        "--processes", type=int, default=1, help="campaigns at the same time, each with servers of its own"
    )
    arguments = parser.parse_args()
    print(f"SEED={arguments.seed} FAULTS={arguments.faults}", flush=True)
    shares = [
        Share(
            arguments.seed,
            -(-arguments.faults // arguments.processes),
            first=arguments.first + place,
            step=arguments.processes,
            size=arguments.size,
            only=tuple(arguments.only),
            kinds=tuple(arguments.kind or KINDS),
        )
        for place in range(arguments.processes)
    ]
    if arguments.processes == 1:
        report = play_share(shares[0])
    else:
        report = Report(arguments.seed)
        with ProcessPoolExecutor(arguments.processes, multiprocessing.get_context("spawn")) as pool:
            for played in pool.map(play_share, shares):
                report.add(played)
    print(report.text())
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
