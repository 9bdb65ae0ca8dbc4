"""What nobody can be faster than: OpenLDAP's own tool listing both sides, and bare python-ldap writing with a full pipeline."""

from __future__ import annotations

import os
import subprocess
import time

import ldap

from benchmarks.setting import DESTINATION, FIELDS, SOURCE, Setting, bound
from tests.scenarios import people
from tests.scenarios.slapd import PASSWORD, Slapd

_WINDOW = 64


def listings(setting: Setting) -> float:
    """Seconds for two paged `ldapsearch`, side by side, of what a run has to read."""
    begin = time.perf_counter()
    searches = [_search(setting.source, SOURCE), _search(setting.destination, DESTINATION)]
    if any(search.wait() for search in searches):
        raise RuntimeError("ldapsearch failed")
    return time.perf_counter() - begin


def adds(setting: Setting) -> float:
    """Seconds for adding all people with bare python-ldap, 64 operations under way on one connection."""
    entries = [
        (
            people.person_dn(person.uid, DESTINATION),
            [(name, values) for name, values in person.attributes(DESTINATION).items() if name in {"objectClass", *FIELDS}],
        )
        for person in people.people(setting.count)
    ]
    connection = bound(setting.destination)
    begin = time.perf_counter()
    waiting = 0
    for dn, attributes in entries:
        connection.add_ext(dn, attributes)
        waiting += 1
        if waiting == _WINDOW:
            connection.result4(ldap.RES_ANY, 0)
            waiting -= 1
    for _ in range(waiting):
        connection.result4(ldap.RES_ANY, 0)
    seconds = time.perf_counter() - begin
    connection.unbind_s()
    return seconds


def _search(server: Slapd, suffix: str) -> subprocess.Popen[bytes]:
    libraries = (*server.root.glob("usr/lib/*-linux-gnu*"), *server.root.glob("lib/*-linux-gnu*"))
    environment = {**os.environ, "LDAPNOINIT": "1"}
    if str(server.root) != "/":
        environment["LD_LIBRARY_PATH"] = ":".join(map(str, libraries))
    return subprocess.Popen(
        [
            *(str(server.root / "usr/bin/ldapsearch"), "-x", "-LLL", "-H", server.uri, "-D", server.admin, "-w", PASSWORD),
            *("-E", "pr=1000/noprompt", "-b", f"ou=People,{suffix}", "(objectClass=inetOrgPerson)", *FIELDS),
        ],
        env=environment,
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
