"""The campaign: case after case, faults at random points, a retry or a new run, and a judgement after each."""

from __future__ import annotations

import contextlib
import json
import random
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.chaos import checks
from tests.chaos.directories import look, new_server, refill
from tests.chaos.faults import FAULTS, LEASE, NEEDS_READERS, TIMEOUT, WITH_RIVAL, Scene
from tests.chaos.model import DESTINATION, SHAPES, SOURCE, Case, Shape, definition, random_case
from tests.chaos.stores import ChaosStore, postgres_store, sqlite_store
from tests.chaos.workers import Attempt, Ended, ForkingRunner, Hanging, Runner, TerminalRunner, adopt, children
from tests.scenarios.cutting_proxy import CuttingProxy, Direction
from tests.scenarios.postgres import Postgres, find_binaries

Fault = Callable[[Scene], None]
_VARIABLE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d[\d:,.-]*|'[^']*'|/tmp/\S+|(cn|uid|ou)=[^:]*?,dc=\w+")
_TOLD = re.compile(r"^(people|groups): |^directory-sync: |.*(AirflowException|AirflowFailException): |^ +(?!File )[A-Z]")
_LEASE = re.compile(r"works on .* since|[Ll]ease .* is lost")


@dataclass
class Report:
    """What a campaign has done and found.

    Attributes:
        faults: (fault, stage, kind of run, kind of store) → how often.
        ends: (kind of run, exit status) → how often an attempt with a fault ended like this.
        messages: what such attempts said, without what varies → how often.
        violations: what must not be, with the case it was seen in.
    """

    seed: int
    cases: int = 0
    faults: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    ends: Counter[tuple[str, int]] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """Number of faults."""
        return self.faults.total()

    def by(self, place: int) -> dict[str, int]:
        """Number of faults by fault (0), stage (1), kind of run (2) or kind of store (3)."""
        counts: Counter[str] = Counter()
        for key, number in self.faults.items():
            counts[key[place]] += number
        return dict(counts.most_common())

    def add(self, other: Report) -> None:
        """Take in what another process has done and found."""
        self.cases += other.cases
        for mine, theirs in ((self.faults, other.faults), (self.ends, other.ends), (self.messages, other.messages)):
            mine.update(theirs)  # type: ignore[arg-type]
        self.violations += other.violations
        self.seconds = max(self.seconds, other.seconds)

    def text(self) -> str:
        """For people."""
        lines = [f"seed {self.seed}: {self.total} faults in {self.cases} cases, {self.seconds:.0f} s"]
        for place, name in enumerate(("fault", "stage", "run", "store")):
            lines.append(f"by {name}: " + ", ".join(f"{what} {number}" for what, number in self.by(place).items()))
        lines.append("exit status: " + ", ".join(f"{kind} {status}: {n}" for (kind, status), n in sorted(self.ends.items())))
        lines += [f"{number:5} × {message}" for message, number in self.messages.most_common()]
        lines.append(f"violations: {len(self.violations)}")
        return "\n".join([*lines, *self.violations])


class Campaign:
    """Servers, stores and runners, and the cases that are played with them. A context manager.

    Args:
        seed: of everything random; a case depends on it and on the case's number alone.
        with_airflow: whether Airflow tasks are among the runs (starting Airflow takes some seconds).
        only: names of faults; default: all.
        size: number of people in a case.
        tell: hears a line about each case.
    """

    def __init__(
        self,
        seed: int,
        *,
        with_airflow: bool = True,
        only: Sequence[str] = (),
        size: int = 120,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.report = Report(seed)
        self._seed = seed
        self._faults = {fault: weight for fault, weight in FAULTS.items() if not only or fault.__name__ in only}
        self._with_airflow = with_airflow
        self._size = size
        self._tell = tell
        self._stack = contextlib.ExitStack()
        self._carried: dict[tuple[str, Direction], int] = {}
        self._seconds: dict[str, float] = {}

    def __enter__(self) -> Self:
        adopt()
        with contextlib.ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
            self.folder.chmod(0o755)  # PostgreSQL may run as another user
            self._source, self._destination = new_server(SOURCE), new_server(DESTINATION)
            stack.callback(self._source.close)
            stack.callback(self._destination.close)
            self._to_source = stack.enter_context(CuttingProxy(self._source.port))
            self._to_destination = stack.enter_context(CuttingProxy(self._destination.port))
            self._cluster = stack.enter_context(Postgres()) if find_binaries() is not None else None
            self._to_store = stack.enter_context(CuttingProxy(self._cluster.port)) if self._cluster else None
            self._stores = self._make_stores()
            self._temporary = self.folder / "tmp"
            self._temporary.mkdir()
            self._definitions = {shape: self._write_definition(shape) for shape in SHAPES}
            self._terminal = TerminalRunner(self.folder)
            command = ForkingRunner("command", self.folder, self._settings())
            stack.callback(command.close)
            self._runners: list[Runner] = [command, self._terminal, command]
            if self._with_airflow:
                airflow = ForkingRunner("airflow", self.folder, self._settings())
                stack.callback(airflow.close)
                self._runners.insert(1, airflow)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        adopt(yes=False)

    def _make_stores(self) -> list[Callable[[], ChaosStore]]:
        template = sqlite_store(self.folder)

        def new_file() -> ChaosStore:
            assert template.file is not None
            folder = self.folder / "store"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            file = Path(shutil.copy(template.file, folder))
            return ChaosStore(f"sqlite:///{file}", file=file)

        if self._cluster is None or self._to_store is None:
            return [new_file]
        shared = postgres_store(self._cluster, self._to_store.port)

        def emptied() -> ChaosStore:
            shared.forget()
            return shared

        return [new_file, emptied]

    def _write_definition(self, shape: Shape) -> Path:
        file = self.folder / f"{shape.name}.json"
        file.write_text(json.dumps(definition(shape)), encoding="utf-8")
        return file

    def _settings(self) -> dict[str, str]:
        """Environment variables that every worker has."""
        settings = {
            "TMPDIR": str(self._temporary),
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__DIRECTORY_SYNC__LEASE_DURATION": f"{LEASE:g}s",
            "AIRFLOW__DIRECTORY_SYNC__DATA_FOLDER": str(self.folder),
        }
        for name, slapd, proxy in (
            ("SOURCE", self._source, self._to_source),
            ("DESTINATION", self._destination, self._to_destination),
        ):
            settings[f"AIRFLOW_CONN_{name}"] = json.dumps(
                {
                    "conn_type": "ldap",
                    "host": "127.0.0.1",
                    "port": proxy.port,
                    "login": slapd.admin,
                    "password": slapd.password,
                    "extra": {"security": "none", "timeout": TIMEOUT, "page_size": 25},
                }
            )
        return settings

    # -- playing ------------------------------------------------------------------------------------------------------

    def play(self, faults: int, *, first: int = 0, step: int = 1, stop_at: int = 5) -> Report:
        """Play every `step`th case until there were so many faults, or so many violations."""
        began = time.monotonic()
        number = first
        while self.report.total < faults and len(self.report.violations) < stop_at:
            self._play_case(number, (number - first) // step)
            number += step
            self.report.seconds = time.monotonic() - began
        return self.report

    def _play_case(self, number: int, turn: int) -> None:
        choose = random.Random(f"{self._seed}/{number}")
        # In turn, so that a short campaign has all of them too.
        turn, place = divmod(turn, len(self._runners))
        runner = self._runners[place]
        make_store = self._stores[turn % len(self._stores)]
        case = random_case(choose, choose.choice(SHAPES), size=self._size)
        store = make_store()
        refill(self._source, case.source)
        refill(self._destination, case.before)
        play = _Play(self, number, case, runner, store, choose)
        found: list[str] = []
        try:
            if (play.kinds, Direction.TO_SERVER) not in self._carried:
                found += play.undisturbed()
            else:
                for _ in range(choose.choice([1, 1, 2, 3])):
                    found += play.disturbed()
                    if found or play.succeeded:
                        break
                found = found or play.undisturbed()
        except (Hanging, AssertionError) as error:
            found.append(str(error))
        for server in (self._source, self._destination):
            if server._process is None:
                server.start()
        self.report.cases += 1
        self.report.violations += [f"case {number} ({', '.join(play.history)}): {what}" for what in found[:10]]
        self._tell(f"{number}: {case.shape.name} {runner.kind} {_kind(store)}: {', '.join(play.history) or 'calibrated'}")


@dataclass(frozen=True)
class Share:
    """A part of a campaign for one process: of the cases from `first`, every `step`th."""

    seed: int
    faults: int
    first: int = 0
    step: int = 1
    size: int = 120
    only: tuple[str, ...] = ()
    with_airflow: bool = True


def play_share(share: Share) -> Report:
    """Play a part of a campaign with servers of its own, and print a line for each case."""

    def tell(line: str) -> None:
        print(line, flush=True)

    with Campaign(share.seed, with_airflow=share.with_airflow, only=share.only, size=share.size, tell=tell) as campaign:
        return campaign.play(share.faults, first=share.first, step=share.step)


@dataclass
class _Play:
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
        settings = self.campaign._settings()
        self._settings = {**settings, "AIRFLOW__DIRECTORY_SYNC__DATABASE_URL": self.store.url}
        self._definition = self.campaign._definitions[self.case.shape]

    @property
    def kinds(self) -> str:
        """Kind of run and of store: what a run's length depends on."""
        return f"{self.runner.kind} {_kind(self.store)}"

    @property
    def _proxies(self) -> dict[str, CuttingProxy]:
        campaign = self.campaign
        proxies = {"source": campaign._to_source, "destination": campaign._to_destination}
        return proxies | ({"store": campaign._to_store} if campaign._to_store is not None and self.store.file is None else {})

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
        return ended, time.monotonic() - began

    def _calibrate(self, seconds: float) -> None:
        self.campaign._seconds[self.kinds] = seconds
        self.campaign._carried[self.kinds, Direction.TO_SERVER] = 1
        for name, proxy in self._proxies.items():
            for direction, octets in proxy.carried.items():
                self.campaign._carried[f"{self.kinds} {name}", direction] = octets

    def disturbed(self) -> list[str]:
        """An attempt with a fault."""
        self._wait_for_lease()
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
        if fault is None:
            self.history.append("nothing")
        else:
            self.campaign.report.ends[self.runner.kind, ended.status] += 1
            self._note(ended.text)
        found, identities = look(self.campaign._destination)
        wrong = self._after(ended, found, identities)
        self.succeeded = ended.status == 0
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
        """Wait for a random point of the attempt and let a fault happen there. None if the attempt had ended before."""
        release = self._wait(scene.attempt)
        fault = self._choose_fault(bool(children(scene.attempt.pid)))
        stage = self.store.stage()
        if not scene.attempt.running():
            release()
            return None
        self.contested |= fault in WITH_RIVAL
        self.history.append(f"{fault.__name__} while {stage}")
        self.campaign.report.faults[fault.__name__, stage, self.runner.kind, _kind(self.store)] += 1
        try:
            fault(scene)
        finally:
            release()
        return fault

    def _choose_fault(self, has_readers: bool) -> Fault:
        weights = self.campaign._faults
        possible = [fault for fault in weights if has_readers or fault not in NEEDS_READERS] or list(weights)
        return self.choose.choices(possible, [weights[fault] for fault in possible])[0]

    def _wait(self, attempt: Attempt) -> Callable[[], None]:
        """Wait for a random point; what is returned lets the network go on."""
        if self.choose.random() < 0.1:
            deadline = time.monotonic() + self.choose.uniform(0.05, 1.0) * self.campaign._seconds[self.kinds]
            while attempt.running() and time.monotonic() < deadline:
                time.sleep(0.005)
            return lambda: None
        name, direction = self.choose.choices(
            [
                ("source", Direction.TO_CLIENT),
                ("destination", Direction.TO_CLIENT),
                ("destination", Direction.TO_SERVER),
                ("store", Direction.TO_SERVER),
            ],
            [3, 3, 6, 3],
        )[0]
        pause = self.choose.choice([0.0, 0.0, self.choose.uniform(0, 0.15)])
        share = self.choose.random()
        if direction is Direction.TO_CLIENT and self.choose.random() < 0.85:
            # The answers for each of the two jobs begin with the schema, which is larger than everything that is of interest.
            share = self.choose.choice([0.38, 0.88]) + 0.12 * share
        if name not in self._proxies:
            # A store in a file is written after all has been read, and while changes are.
            name, direction, pause = "destination", Direction.TO_SERVER, self.choose.uniform(0, 0.1)
        octets = int(share * self.campaign._carried[f"{self.kinds} {name}", direction])
        point = self._proxies[name].break_at(direction, octets)
        deadline = time.monotonic() + 30
        while attempt.running() and not point.reached.wait(0.01) and time.monotonic() < deadline:
            pass
        if pause:
            point.go_on()
            time.sleep(pause)
        return point.go_on

    def _start_rival(self) -> None:
        rival = TerminalRunner(Path(tempfile.mkdtemp(dir=self.campaign.folder)))
        ended = rival.start(self._definition, "rival", self._settings).end()
        for what in checks.words(ended.text):
            raise AssertionError(f"rival: {what}")

    def _wait_for_lease(self) -> None:
        # The row of a lease that has ended stays until somebody else takes one.
        if self.store.count("lease"):
            time.sleep(LEASE * 1.05)

    def _after(self, ended: Ended, found: dict[str, dict[str, list[str]]], identities: dict[str, str]) -> list[str]:
        text = ended.text
        wrong: Iterable[str] = [
            *checks.objects(self.case, found, identities, self._before),
            *checks.truth(self.store, found, identities, contested=self.contested),
            *checks.files(self.campaign._temporary, self.campaign.folder),
            # Airflow itself prints a traceback for each failed task.
            *(checks.words(text) if self.runner.kind != "airflow" else _unexpected(text)),
        ]
        return list(wrong)

    def _note(self, text: str) -> None:
        for line in text.splitlines():
            if _TOLD.match(line):
                self.campaign.report.messages[_VARIABLE.sub("…", line.strip())[:300]] += 1


def _unexpected(text: str) -> Iterator[str]:
    if found := re.search(r"failed unexpectedly|unexpected (error|\w*Error|\w*Exception)\b", text):
        yield f"unclear: {text[max(0, found.start() - 1500) : found.end() + 3000]}"


def _kind(store: ChaosStore) -> str:
    return "postgresql" if store.file is None else "sqlite"
