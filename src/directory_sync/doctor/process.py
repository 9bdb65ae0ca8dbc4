"""Makes checks in a process of their own, all at the same time, each for a bounded time.

Whatever a server, a command in the configuration or Airflow itself does: what has not answered is told as
such, and the process is ended with all that it has started.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from directory_sync.doctor.checks import Check
from directory_sync.doctor.codes import Code
from directory_sync.doctor.examination import Examination
from directory_sync.doctor.findings import CannotTell, Fact, Finding, State, problem, skipped, warning
from directory_sync.errors import SettingsError

SECONDS = 40.0
"""For all checks together."""
_HIDDEN = "***"


def examine(
    checks: Sequence[Check], examination: Examination, *, seconds: float = SECONDS
) -> list[tuple[Check, list[Finding]]]:
    """Make the checks and return what each has found, in their order."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        os.close(reader)
        _answer(checks, examination, writer)
    os.close(writer)
    found: dict[str, list[Finding]] = {check.name: [] for check in checks}
    open_ = set(found)
    ended = False
    try:
        for message in _messages(reader, time.monotonic() + seconds):
            if message is None:
                ended = True
            elif message["finding"] is None:
                open_.discard(message["check"])
            else:
                found[message["check"]].append(_finding(message["finding"]))
            if not open_:
                break
    finally:
        os.close(reader)
        _end(child)
    for name in open_:
        group = name.partition(".")[0]
        found[name].append(
            problem(Code.CHECKS_DIED, check=name)
            if ended
            else problem(Code.NO_ANSWER, check=name, group=group, seconds=seconds)
        )
    return _each_once([(check, found[check.name]) for check in checks])


def _each_once(results: list[tuple[Check, list[Finding]]]) -> list[tuple[Check, list[Finding]]]:
    """The results without what an earlier check has found, too: several need the same file or database."""
    told: list[Finding] = []
    for _, findings in results:
        fresh = [finding for finding in findings if finding not in told]
        told += fresh
        findings[:] = fresh
    return results


def made(check: Check, examination: Examination) -> Iterator[Finding]:
    """What one check finds, without secrets; never raises."""
    try:
        for finding in check.make(examination):
            yield _without_secrets(finding, examination.secrets)
    except CannotTell as error:
        yield _without_secrets(error.finding, examination.secrets)
    except SettingsError as error:
        said = next(iter(str(error).splitlines()), "")
        yield _without_secrets(skipped(Code.NEEDS_SETTING, said=said), examination.secrets)
    except Exception as error:  # noqa: BLE001 - one check that fails must not cost the others
        said = next(iter(str(error).splitlines()), "")[:300]
        yield _without_secrets(
            warning(Code.CHECK_FAILED, check=check.name, error=type(error).__name__, said=said),
            examination.secrets,
        )


def _without_secrets(finding: Finding, secrets: set[str]) -> Finding:
    # Longest first: one may be a part of another.
    hidden = sorted(secrets, key=len, reverse=True)

    def clean(fact: Fact) -> Fact:
        if isinstance(fact, str):
            for secret in hidden:
                fact = fact.replace(secret, _HIDDEN)
            return fact
        return [str(clean(each)) for each in fact] if isinstance(fact, (list, tuple)) else fact

    return Finding(finding.code, finding.state, {name: clean(fact) for name, fact in finding.facts.items()})


# -- The process that makes the checks -----------------------------------------------------------------------


def _answer(checks: Sequence[Check], examination: Examination, writer: int) -> None:  # pragma: no cover
    try:
        os.setsid()  # what it starts is ended with it, and Ctrl-C is the parent's business
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        # Airflow and its libraries write log lines and warnings wherever they like.
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        if examination.has_home and not examination.has_config_file:
            os.environ["AIRFLOW_CONFIG"] = os.devnull  # else Airflow would write one
        lock = threading.Lock()
        threads = [
            threading.Thread(target=_make, args=(check, examination, writer, lock), daemon=True)
            for check in checks
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        os._exit(0)


def _make(check: Check, examination: Examination, writer: int, lock: threading.Lock) -> None:
    for finding in made(check, examination):
        facts = dict(finding.facts)
        _tell(writer, lock, {"check": check.name, "finding": [finding.code, finding.state, facts]})
    _tell(writer, lock, {"check": check.name, "finding": None})


def _tell(writer: int, lock: threading.Lock, message: dict[str, Any]) -> None:
    data = json.dumps(message).encode() + b"\n"
    with lock:
        while data:
            data = data[os.write(writer, data) :]


# -- The process that waits for them -------------------------------------------------------------------------


def _messages(reader: int, deadline: float) -> Iterator[dict[str, Any] | None]:
    """What the process tells until then; None where it is gone."""
    rest = b""
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([reader], [], [], left)[0]:
            return
        data = os.read(reader, 65536)
        if not data:
            yield None
            return
        *lines, rest = (rest + data).split(b"\n")
        yield from map(json.loads, lines)


def _finding(told: Any) -> Finding:
    code, state, facts = told
    return Finding(Code(code), State(state), facts)


def _end(child: int) -> None:
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(child, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)
