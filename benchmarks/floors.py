"""What nobody can be faster than: OpenLDAP's own tool listing both sides, and bare python-ldap writing with a
full pipeline.
"""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import ldap
from ldap.ldapobject import SimpleLDAPObject

from benchmarks.frame import Sample
from benchmarks.running import process_cpu
from benchmarks.setting import DESTINATION, FIELDS, SOURCE, Setting, bound
from tests.scenarios import people
from tests.scenarios.slapd import PASSWORD, Slapd

Send = Callable[[SimpleLDAPObject], int]
"""Sends one operation without waiting and returns its message id."""

WINDOWS = (32, 64, 256)
"""Numbers of operations under way that are tried."""
Listing = tuple[str, str, Sequence[str]]
"""Container below the suffix, filter, attributes."""

PEOPLE: Listing = ("ou=People", "(objectClass=inetOrgPerson)", FIELDS)
GROUPS: Listing = ("ou=Groups", "(objectClass=groupOfNames)", ("cn", "description", "member"))


def listings(setting: Setting, *wanted: Listing) -> Sample:
    """Paged `ldapsearch` of what a run has to read of each side, one after the other."""
    before, server_before = _cpu_of_children(), _cpu_of(setting.servers)
    began = time.perf_counter()
    for server, port, suffix in zip(setting.servers, setting.ports, (SOURCE, DESTINATION), strict=True):
        for container, filter, attributes in wanted:
            _search(server, port, f"{container},{suffix}", filter, attributes)
    seconds = time.perf_counter() - began
    return Sample(seconds, _cpu_of_children() - before, _cpu_of(setting.servers) - server_before)


def _search(server: Slapd, port: int, base: str, filter: str, attributes: Sequence[str]) -> None:
    environment = {**os.environ, "LDAPNOINIT": "1"}
    if server.root != Path("/"):
        libraries = (*server.root.glob("usr/lib/*-linux-gnu*"), *server.root.glob("lib/*-linux-gnu*"))
        environment["LD_LIBRARY_PATH"] = ":".join(map(str, libraries))
    subprocess.run(
        [
            *(str(server.root / "usr/bin/ldapsearch"), "-x", "-LLL", "-H", f"ldap://127.0.0.1:{port}"),
            *("-D", server.admin, "-w", PASSWORD, "-E", "pr=1000/noprompt", "-b", base, filter, *attributes),
        ],
        env=environment,
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        check=True,
    )


def additions(count: int) -> list[Send]:
    """The operations that add so many people to the destination, made beforehand."""
    return [
        _adding(
            people.person_dn(person.uid, DESTINATION),
            [
                (name, values)
                for name, values in person.attributes(DESTINATION).items()
                if name in {"objectClass", *FIELDS}
            ],
        )
        for person in people.people(count)
    ]


def _adding(dn: str, attributes: list[tuple[str, list[bytes]]]) -> Send:
    return lambda connection: connection.add_ext(dn, attributes)


def pipelined(server: Slapd, operations: Iterable[Send], window: int) -> Sample:
    """Bare python-ldap: so many operations under way on one connection, in order, nothing looked at."""
    connection = bound(server)
    cpu, server_cpu, began = time.process_time(), process_cpu(server.pid), time.perf_counter()
    under_way = 0
    for send in operations:
        send(connection)
        under_way += 1
        if under_way == window:
            connection.result4(ldap.RES_ANY, ldap.MSG_ALL)
            under_way -= 1
    for _ in range(under_way):
        connection.result4(ldap.RES_ANY, ldap.MSG_ALL)
    sample = Sample(
        time.perf_counter() - began, time.process_time() - cpu, process_cpu(server.pid) - server_cpu
    )
    connection.unbind_s()
    return sample


def together(*samples: Sample) -> Sample:
    """One floor made of several."""
    return Sample(
        *(
            sum(values)
            for values in zip(*((s.seconds, s.client_cpu, s.server_cpu) for s in samples), strict=True)
        )
    )


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _cpu_of(servers: Iterable[Slapd]) -> float:
    return sum(process_cpu(server.pid) for server in servers)
