"""Keeps the latest result of each benchmark and writes docs/benchmarks.md from them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.frame import Aim, Result, Sample

_ROOT = Path(__file__).resolve().parent.parent
PAGE = _ROOT / "docs" / "benchmarks.md"
KEPT = Path(__file__).resolve().with_name("results.json")

_INTRODUCTION = """\
# Benchmarks

Written by `make bench`; `make bench-large` measures a million people, which takes a while. Times depend on the machine and on
what else it does, so **ratios** count: each run is held against a floor that was measured just before it, on the same servers.
What is shown are medians. Each run is a new process with the package imported, as a task of Airflow is; the lease and the store
are part of it. Memory is that of all processes of a run at its peak, shared pages counted once (PSS).

"CPU" is what the run's processes and the directory servers took together, in seconds: where it is near the number of cores times
the run's time, the machine is busy and nothing waits. A machine that has other things to do makes a run that uses several cores
look worse than its floor, which uses less; the load before each measurement is noted.
"""  # noqa: E501
_HEAD = "| work | aim | ratio | run | floor | CPU | memory | |\n|---|---|---|---|---|---|---|---|"


def keep(name: str, results: Sequence[Result]) -> None:
    """Let these results take the place of the earlier ones of the same benchmark."""
    kept = _kept()
    kept[name] = list(results)
    KEPT.write_text(
        json.dumps({each: [result.to_json() for result in found] for each, found in kept.items()}, indent=1)
        + "\n",
        encoding="utf-8",
    )


def write(order: Sequence[str]) -> None:
    """Write the page from all that is kept; benchmarks in this order."""
    kept = _kept()
    found = [result for name in order for result in kept.get(name, ())]
    parts = [_INTRODUCTION, table(found), "", *(_section(result) for result in found)]
    PAGE.write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")


def table(results: Sequence[Result]) -> str:
    """Results as a Markdown table."""
    return "\n".join([_HEAD, *map(_row, results)])


def _kept() -> dict[str, list[Result]]:
    if not KEPT.exists():
        return {}
    data: Mapping[str, list[dict[str, object]]] = json.loads(KEPT.read_text(encoding="utf-8"))
    return {name: [Result.from_json(one) for one in found] for name, found in data.items()}


def _row(result: Result) -> str:
    if result.aim.seconds is not None:
        shown = (
            f"{_seconds(result.seconds - (result.floor or 0.0))} more"
            if result.floors
            else _seconds(result.seconds)
        )
    elif result.aim.within is not None:
        shown = _seconds(result.seconds)
    else:
        shown = "–" if result.ratio is None else f"{result.ratio:.2f}×"
    cells = [
        result.work,
        str(result.aim),
        f"**{shown}**",
        _seconds(result.seconds),
        "–" if result.floor is None else _seconds(result.floor),
        _cpu(result.runs),
        "–" if result.memory is None else f"{result.memory:.0f} MiB",
        "" if result.aim == Aim() else "reached" if result.reached else "missed",
    ]
    return f"| {' | '.join(cells)} |"


def _section(result: Result) -> str:
    floor = [f"Floor: {result.floor_is}."] if result.floor_is else []
    samples = [
        f"Runs: {_each(result.runs)}." + (f" Floors: {_each(result.floors)}." if result.floors else "")
    ]
    server = (
        [f"CPU of a run: {_split(result.runs)}; of a floor: {_split(result.floors)}."]
        if _has_servers(result)
        else []
    )
    lines = [
        " ".join([*floor, *result.facts]),
        result.bound.strip(),
        " ".join([*samples, *server]),
        f"{result.where}, {result.date}. Load before it began: {result.load:.1f}.",
    ]
    return f"## {result.work}\n\n" + "\n\n".join(line for line in lines if line) + "\n"


def _has_servers(result: Result) -> bool:
    return bool(result.floors) and any(sample.server_cpu for sample in result.runs)


def _each(samples: Sequence[Sample]) -> str:
    return ", ".join(_seconds(sample.seconds) for sample in samples)


def _cpu(samples: Sequence[Sample]) -> str:
    middle = sorted(sample.client_cpu + sample.server_cpu for sample in samples)[len(samples) // 2]
    return f"{middle:.2f} s" if middle else "–"


def _split(samples: Sequence[Sample]) -> str:
    middle = sorted(samples, key=lambda sample: sample.seconds)[len(samples) // 2]
    return f"{middle.client_cpu:.2f} s and {middle.server_cpu:.2f} s of the servers"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds:.2f} s"
