"""Ctrl-C, or Airflow ending a task, in the middle of talking to a directory: the process ends, and holds up nobody."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from directory_sync.endpoints.ldap.connection import read_settings
from directory_sync.endpoints.ldap.session import SessionPool
from tests.endpoints.conftest import Container
from tests.scenarios import directories
from tests.scenarios.cutting_proxy import CuttingProxy


@pytest.mark.timeout(20)
def test_an_interrupted_call_does_not_block_the_way_out(container: Container) -> None:
    """python-ldap keeps its lock if an exception comes between taking it and its `try`: closing must not wait for it."""
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
                directories.slapd_connection(container.slapd, port=proxy.port, page_size=1, timeout=5), container.dn
            )
            source.check()
            pages = source.read(["uid"])
            next(pages)
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    signal.signal(signal.SIGINT, signal.default_int_handler)
                    for _ in range(10_000):
                        list(source.read(["uid"]))
                except KeyboardInterrupt:
                    source.close()
                    status = 0
                finally:
                    os._exit(status)
            time.sleep(0.05 + attempt * 0.013)
            proxy.stalled = attempt % 2 == 0
            os.kill(pid, signal.SIGINT)
            killer = threading.Timer(15, os.kill, [pid, signal.SIGKILL])
            killer.start()
            _, status = os.waitpid(pid, 0)
            killer.cancel()
            assert status == 0, f"attempt {attempt}"
            pages.close()
