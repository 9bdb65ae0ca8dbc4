"""One case being played: attempts with a fault at a random point of each, then one without, and a judgement
after each.
"""

from __future__ import annotations

import random
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos import checks
from tests.chaos.directories import look
from tests.chaos.faults import LEASE, NEEDS_READERS, WITH_RIVAL, Fault, Scene
from tests.chaos.model import Case
from tests.chaos.stores import ChaosStore
from tests.chaos.workers import Attempt, Ended, Runner, TerminalRunner, children
from tests.scenarios.cutting_proxy import CuttingProxy, Direction

if TYPE_CHECKING:
    from tests.chaos.campaign import Campaign

_VARIABLE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d[\d:,.-]*|'[^']*'|/tmp/\S+|(cn|uid|ou)=[^:]*?,dc=\w+")
_TOLD = re.compile(
    r"^(people|groups): |^directory-sync: |.*(AirflowException|AirflowFailException): |^ +(?!File )[A-Z]"
)
_LEASE = re.compile(r"works on .* since|[Ll]ease .* is lost")
_RETRY = re.compile(r"^airflow: retry of (?:people|groups),", re.MULTILINE)


@dataclass
class Play:
    """One case being played."""

    campaign: Campaign
    number: int
    case: Case
    runner: Runner
    store: ChaosStore
    choose: random.Random
    history: list[str] = field(default_factory=list)
    contested: bool = False
    succeeded: bool = False

    def __post_init__(self) -> None:
        self._before = look(self.campaign._destination)[1]
        self._jobs_before = 0
        settings = self.campaign._settings()
        self._settings = {**settings, "AIRFLOW__DIRECTORY_SYNC__DATABASE_URL": self.store.url}
        self._definition = self.campaign._definitions[self.case.shape]

    @property
    def kinds(self) -> str:
        """Kind of run and of store: what a run's length depends on."""
        return f"{self.runner.kind} {kind_of(self.store)}"

    @property
    def _proxies(self) -> dict[str, CuttingProxy]:
        campaign = self.campaign
        proxies = {"source": campaign._to_source, "destination": campaign._to_destination}
        return proxies | (
            {"store": campaign._to_store}
            if campaign._to_store is not None and self.store.file is None
            else {}
        )

    def undisturbed(self) -> list[str]:
        """An attempt without faults: it succeeds, and everything is as it must be."""
        ended, seconds = self._attempt()
        for _ in range(3):
            if ended.status == 0 or not _LEASE.search(ended.text):
                break
            ended, seconds = self._attempt()
        if ended.status:
            return [f"the last attempt ended with {ended.status}: {ended.text[-3000:]}"]
        if not self.history:
            self._calibrate(seconds)
        found, identities = look(self.campaign._destination)
        return [
            *self._after(ended, found, identities),
            *checks.final(self.case, found),
            *checks.finished(self.store),
        ]

    def _attempt(self) -> tuple[Ended, float]:
        """Attempt the run, and measure how many seconds that takes."""
        self._wait_for_lease()
        for proxy in self._proxies.values():
            proxy.count_anew()
        began = time.monotonic()
        ended = self.runner.start(self._definition, str(self.number), self._settings).end()
        self._count_retries(ended)
        return ended, time.monotonic() - began

    def _calibrate(self, seconds: float) -> None:
        self.campaign._seconds[self.kinds] = seconds
        self.campaign._carried[self.kinds, Direction.TO_SERVER] = 1
        for name, proxy in self._proxies.items():
            for direction, octets in proxy.carried.items():
                self.campaign._carried[f"{self.kinds} {name}", direction] = octets

    def _calibrate_down(self) -> None:
        """This case is a smaller one: aim at what all cases have."""
        for name, proxy in self._proxies.items():
            for direction, octets in proxy.carried.items():
                key = (f"{self.kinds} {name}", direction)
                self.campaign._carried[key] = min(self.campaign._carried[key], octets)

    def disturbed(self) -> list[str]:
        """An attempt with a fault."""
        self._wait_for_lease()
        self._jobs_before = self.store.last_job()
        for proxy in self._proxies.values():
            proxy.count_anew()
        attempt = self.runner.start(self._definition, str(self.number), self._settings)
        scene = self._scene(attempt)
        try:
            fault = self._strike(scene)
        finally:
            try:
                ended = attempt.end()
            finally:
                scene.heal()
        self._count(fault, ended)
        self.succeeded = ended.status == 0
        if fault is None and self.succeeded:
            self._calibrate_down()
        found, identities = look(self.campaign._destination)
        wrong = self._after(ended, found, identities)
        if self.succeeded:
            wrong += [f"it says success, but {what}" for what in checks.final(self.case, found)]
        return wrong

    def _scene(self, attempt: Attempt) -> Scene:
        campaign = self.campaign
        return Scene(
            self.choose,
            attempt,
            campaign._source,
            campaign._destination,
            campaign._to_source,
            campaign._to_destination,
            self._proxies.get("store"),
            campaign._cluster if self.store.file is None else None,
            self.store,
            self._start_rival,
        )

    def _strike(self, scene: Scene) -> Fault | None:
        """Wait for a random point of the attempt and let a fault happen there.

        None if the attempt had ended before.
        """
        release = self._wait(scene.attempt)
        fault = self._choose_fault(bool(children(scene.attempt.pid)))
        stage = self._stage(scene.attempt)
        if not scene.attempt.running():
            release()
            return None
        self.contested |= fault in WITH_RIVAL
        self.history.append(f"{fault.__name__} while {stage}")
        self.campaign.report.faults[fault.__name__, stage, self.runner.kind, kind_of(self.store)] += 1
        try:
            fault(scene)
        finally:
            release()
        return fault

    def _stage(self, attempt: Attempt) -> str:
        stage = self.store.stage(after=self._jobs_before)
        return "reading" if stage == "planning" and children(attempt.pid) else stage

    def _choose_fault(self, has_readers: bool) -> Fault:
        weights = self.campaign._faults
        possible = [fault for fault in weights if has_readers or fault not in NEEDS_READERS] or list(weights)
        return self.choose.choices(possible, [weights[fault] for fault in possible])[0]

    def _wait(self, attempt: Attempt) -> Callable[[], None]:
        """Wait for a random point; what is returned lets the network go on."""
        aim = self.choose.random()
        if aim < 0.08:
            deadline = time.monotonic() + self.choose.uniform(0.05, 1.0) * self.campaign._seconds[self.kinds]
            while attempt.running() and time.monotonic() < deadline:
                time.sleep(0.005)
            return lambda: None
        if aim < 0.2:
            self._wait_for_planning(attempt, job=self.choose.choice([1, 1, 2]))
            return lambda: None
        name, direction = self.choose.choices(
            [
                ("source", Direction.TO_CLIENT),
                ("destination", Direction.TO_CLIENT),
                ("destination", Direction.TO_SERVER),
                ("store", Direction.TO_SERVER),
            ],
            [2, 2, 10, 3],
        )[0]
        pause = self.choose.choice([0.0, 0.0, self.choose.uniform(0, 0.15)])
        share = self.choose.random()
        if direction is Direction.TO_CLIENT and self.choose.random() < 0.85:
            # The answers for each of the two jobs begin with the schema, which is larger than everything that
            # is of interest.
            share = self.choose.choice([0.38, 0.88]) + 0.12 * share
        if name not in self._proxies:
            # A store in a file is written after all has been read, and while changes are.
            name, direction, pause = "destination", Direction.TO_SERVER, self.choose.uniform(0, 0.1)
        if self.runner.kind == "airflow" and self.history and "applying" in self.history[-1]:
            # The retry goes on with the same plan: it reads nothing, and writes what is left.
            name, direction, share = "destination", Direction.TO_SERVER, 0.3 * share
        octets = int(share * self.campaign._carried[f"{self.kinds} {name}", direction])
        point = self._proxies[name].break_at(direction, octets)
        deadline = time.monotonic() + 30
        while attempt.running() and not point.reached.wait(0.01) and time.monotonic() < deadline:
            pass
        if pause:
            point.go_on()
            time.sleep(pause)
        return point.go_on

    @staticmethod
    def _wait_for_planning(attempt: Attempt, *, job: int) -> None:
        """Wait until a job has read all, and its readers have ended: planning talks to nobody whom a proxy
        could watch.
        """
        reads = False
        while attempt.running() and job:
            if reads and not children(attempt.pid):
                job -= 1
            reads = bool(children(attempt.pid))
            time.sleep(0.0005)

    def _start_rival(self) -> None:
        rival = TerminalRunner(Path(tempfile.mkdtemp(dir=self.campaign.folder)))
        ended = rival.start(self._definition, "rival", self._settings).end()
        for what in checks.words(ended.text):
            raise AssertionError(f"rival: {what}")

    def _wait_for_lease(self) -> None:
        # The row of a lease that has ended stays until somebody else takes one.
        if self.store.count("lease"):
            time.sleep(LEASE * 1.05)

    def _after(
        self, ended: Ended, found: dict[str, dict[str, list[str]]], identities: dict[str, str]
    ) -> list[str]:
        text = ended.text
        wrong: Iterable[str] = [
            *checks.objects(self.case, found, identities, self._before),
            *checks.truth(self.store, found, identities, contested=self.contested),
            *checks.files(self.campaign._temporary, self.campaign.folder),
            # Airflow itself prints a traceback for each failed task.
            *(checks.words(text) if self.runner.kind != "airflow" else _unexpected(text)),
        ]
        return list(wrong)

    def _count(self, fault: Fault | None, ended: Ended) -> None:
        report = self.campaign.report
        self._count_retries(ended)
        if fault is None:
            self.history.append("nothing")
            report.missed += 1
            return
        report.ends[self.runner.kind, ended.status] += 1
        report.felt[fault.__name__] += ended.status != 0
        for line in ended.text.splitlines():
            if _TOLD.match(line):
                report.messages[_VARIABLE.sub("…", line.strip())[:300]] += 1

    def _count_retries(self, ended: Ended) -> None:
        self.campaign.report.retries += len(_RETRY.findall(ended.text))


def _unexpected(text: str) -> Iterator[str]:
    if found := re.search(r"failed unexpectedly|unexpected (error|\w*Error|\w*Exception)\b", text):
        yield f"unclear: {text[max(0, found.start() - 1500) : found.end() + 3000]}"


def kind_of(store: ChaosStore) -> str:
    return "postgresql" if store.file is None else "sqlite"
