"""What can go wrong: one function per fault, each undone when it returns or when its `Scene` is healed."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.stores import ChaosStore
from tests.chaos.workers import Attempt, children
from tests.scenarios.cutting_proxy import CuttingProxy
from tests.scenarios.postgres import Postgres
from tests.scenarios.slapd import Slapd

LEASE = 2.0
"""Seconds that a lease lasts."""
TIMEOUT = 2.0
"""Seconds that the product waits for a directory."""


@dataclass
class Scene:
    """What a fault can touch while an attempt is under way.

    Attributes:
        start_rival: begins another run of the same collection and waits for its end.
        afterwards: what has to be undone when the attempt is over.
    """

    choose: random.Random
    attempt: Attempt
    source: Slapd
    destination: Slapd
    to_source: CuttingProxy
    to_destination: CuttingProxy
    to_store: CuttingProxy | None
    cluster: Postgres | None
    store: ChaosStore
    start_rival: Callable[[], None]
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    delayed: list[threading.Thread] = field(default_factory=list)

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Do something after a while, without waiting for it."""

        def wait() -> None:
            time.sleep(seconds)
            action()

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        self.delayed.append(thread)

    def heal(self) -> None:
        """Undo everything that is still broken."""
        for thread in self.delayed:
            thread.join()
        for undo in self.afterwards:
            undo()
        self.afterwards.clear()
        for proxy in (self.to_source, self.to_destination, self.to_store):
            if proxy is not None:
                proxy.heal()

    def server(self) -> tuple[Slapd, CuttingProxy]:
        """One of the two directories."""
        return self.choose.choice([(self.source, self.to_source), (self.destination, self.to_destination)])


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


# -- the worker ----------------------------------------------------------------------------------------------


def kill_worker(scene: Scene) -> None:
    """The worker is killed; its readers are left to themselves."""
    _signal(scene.attempt.pid, signal.SIGKILL)


def kill_all(scene: Scene) -> None:
    """The whole machine of the worker goes down: worker and readers at once."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(scene.attempt.pid, signal.SIGKILL)


def terminate_worker(scene: Scene) -> None:
    """Somebody asks the worker politely to end."""
    _signal(scene.attempt.pid, scene.choose.choice([signal.SIGTERM, signal.SIGINT]))


def stop_worker(scene: Scene) -> None:
    """The worker is stopped, for less or more than its lease, and goes on."""
    _signal(scene.attempt.pid, signal.SIGSTOP)
    scene.later(scene.choose.choice([0.3, LEASE * 1.3]), lambda: _signal(scene.attempt.pid, signal.SIGCONT))


def overtake_worker(scene: Scene) -> None:
    """The worker is stopped past its lease; meanwhile another run does the work; then the first one goes
    on.
    """
    _signal(scene.attempt.pid, signal.SIGSTOP)
    scene.to_source.heal()
    scene.to_destination.heal()
    time.sleep(LEASE * 1.2)
    scene.start_rival()
    _signal(scene.attempt.pid, signal.SIGCONT)


def rival(scene: Scene) -> None:
    """Another run of the same collection begins."""
    # Whoever is at the breakpoint goes on, so that both work at the same time.
    for proxy in (scene.to_source, scene.to_destination, scene.to_store):
        if proxy is not None:
            proxy.heal()
    scene.start_rival()


def kill_reader(scene: Scene) -> None:
    """One of the reading processes is killed, as when memory runs out."""
    found = children(scene.attempt.pid)
    if found:
        _signal(scene.choose.choice(found), signal.SIGKILL)


def stop_reader(scene: Scene) -> None:
    """One of the reading processes hangs for a while."""
    found = children(scene.attempt.pid)
    if found:
        reader = scene.choose.choice(found)
        _signal(reader, signal.SIGSTOP)
        scene.later(scene.choose.choice([0.3, LEASE * 1.3]), lambda: _signal(reader, signal.SIGCONT))


def fill_disk(scene: Scene) -> None:
    """No file of the worker can grow past some kilobytes from now on: spools, reports, a store in a file."""
    limit = scene.choose.choice([0, 4096, 65_536])
    for pid in (scene.attempt.pid, *children(scene.attempt.pid)):
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, limit))


# -- the directories -----------------------------------------------------------------------------------------


def restart_server(scene: Scene) -> None:
    """A directory crashes and starts again after a moment."""
    slapd, _ = scene.server()
    slapd.kill()
    scene.later(scene.choose.choice([0.05, 0.5, 1.5]), slapd.start)


def lose_server(scene: Scene) -> None:
    """A directory crashes, and stays away as long as the attempt goes on."""
    slapd, _ = scene.server()
    slapd.kill()
    scene.afterwards.append(slapd.start)


def hang_server(scene: Scene) -> None:
    """A directory answers nothing for a while, shorter or longer than we wait for it."""
    slapd, _ = scene.server()
    slapd.suspend()
    scene.later(scene.choose.choice([0.3, TIMEOUT * 1.5]), slapd.resume)


# -- the network ---------------------------------------------------------------------------------------------


def reset_connections(scene: Scene) -> None:
    """Every connection to a directory is reset."""
    scene.server()[1].reset()


def truncate_answer(scene: Scene) -> None:
    """A directory's next answer ends in the middle, and the connection with it."""
    scene.server()[1].truncate()


def slow_network(scene: Scene) -> None:
    """Everything to and from a directory takes longer for the rest of the attempt."""
    scene.server()[1].delay = 0.02


def drop_packets(scene: Scene) -> None:
    """Nothing reaches a directory for a while, then everything does, or the connections turn out to be
    dead.
    """
    _, proxy = scene.server()
    proxy.stalled = True
    dead = scene.choose.random() < 0.5

    def back() -> None:
        if dead:
            proxy.reset()
        proxy.stalled = False

    scene.later(scene.choose.choice([0.3, TIMEOUT * 1.5]), back)


def refuse_connections(scene: Scene) -> None:
    """A directory's connections are reset, and it takes no new ones for a while."""
    _, proxy = scene.server()
    proxy.refuses = True
    proxy.reset()
    if scene.choose.random() < 0.5:
        scene.later(scene.choose.choice([0.3, 1.5]), lambda: setattr(proxy, "refuses", False))


# -- the store -----------------------------------------------------------------------------------------------


def break_store(scene: Scene) -> None:
    """The store fails in one of the ways that its kind has."""
    if scene.store.file is not None:
        _lock_store(scene, scene.choose.choice([0.2, LEASE * 1.4]))
        return
    assert scene.cluster is not None
    assert scene.to_store is not None
    cluster, proxy = scene.cluster, scene.to_store
    match scene.choose.choice(["restart", "stay away", "cut", "stall", "sessions"]):
        case "restart":
            cluster.stop()
            scene.later(scene.choose.choice([0.0, LEASE * 1.4]), cluster.start)
        case "stay away":
            cluster.stop()
            scene.afterwards.append(cluster.start)
        case "cut":
            proxy.reset()
        case "stall":
            proxy.stalled = True
            scene.later(scene.choose.choice([0.3, LEASE * 1.4]), lambda: setattr(proxy, "stalled", False))
        case _:
            with contextlib.suppress(Exception):
                scene.store.rows(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ="
                    " 'directory_sync'"
                )


def _lock_store(scene: Scene, seconds: float) -> None:
    """Another process holds the SQLite file."""
    file = scene.store.file
    assert file is not None

    def hold() -> None:
        with contextlib.closing(sqlite3.connect(file, timeout=10, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            time.sleep(seconds)
            connection.execute("ROLLBACK")

    scene.later(0.0, hold)
    time.sleep(0.02)


Fault = Callable[[Scene], None]

FAULTS: dict[Fault, int] = {
    kill_worker: 14,
    kill_all: 6,
    terminate_worker: 4,
    stop_worker: 6,
    overtake_worker: 4,
    rival: 5,
    kill_reader: 6,
    stop_reader: 3,
    fill_disk: 6,
    restart_server: 8,
    lose_server: 5,
    hang_server: 6,
    reset_connections: 7,
    truncate_answer: 6,
    slow_network: 2,
    drop_packets: 6,
    refuse_connections: 5,
    break_store: 12,
}
"""Fault → how often, compared with the others."""
NEEDS_READERS = (kill_reader, stop_reader)
WITH_RIVAL = (overtake_worker, rival)
