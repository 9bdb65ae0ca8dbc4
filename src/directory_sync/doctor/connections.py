"""Checks of connections to directories: each is logged in to and asked what it is."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import ldap

from directory_sync import settings
from directory_sync.definition.addresses import DirectoryDestination, DirectorySource
from directory_sync.doctor.codes import Code
from directory_sync.doctor.examination import Examination
from directory_sync.doctor.findings import CannotTell, Finding, State, ok, problem, skipped, warning
from directory_sync.doctor.in_parallel import in_parallel
from directory_sync.endpoints.ldap.connection import LdapSettings, read_settings
from directory_sync.endpoints.ldap.root_dse import PAGED_RESULTS
from directory_sync.endpoints.ldap.session import connect
from directory_sync.endpoints.ldap.trial import Trial, try_connection
from directory_sync.errors import EndpointError, NoConnection

ANSWER_SECONDS = 8.0
"""For one answer of a server, also where the connection allows for more."""
ALL_SECONDS = 25.0


@dataclass(frozen=True, slots=True)
class _Tested:
    settings: LdapSettings
    trial: Trial


def directories(examination: Examination) -> Iterator[Finding]:
    """Every connection of the type `ldap` that definitions name, or that are to be tested."""
    wanted = _wanted(examination)
    if not wanted:
        yield skipped(Code.NO_CONNECTIONS)
        return
    names = sorted(wanted)
    answers = in_parallel(lambda name: _test(examination, name, wanted[name]), names, seconds=ALL_SECONDS)
    for name, answer in answers:
        match answer:
            case None:
                yield problem(Code.CONNECTION_SILENT, connection=name, seconds=ALL_SECONDS)
            case CannotTell():
                yield answer.finding
            case NoConnection():
                yield problem(
                    Code.CONNECTION_MISSING, connection=name, variable=f"AIRFLOW_CONN_{name.upper()}"
                )
            case EndpointError():
                yield problem(
                    Code.CONNECTION_WRONG, connection=name, said=_said(answer), remedy=answer.remedy
                )
            case Exception():
                yield problem(Code.CONNECTION_ODD, connection=name, error=type(answer).__name__)
            case _:
                yield from _told(answer)


def people(examination: Examination) -> Iterator[Finding]:
    """The directory in which users are looked up."""
    where = settings.people_directory()
    if where is None:
        yield skipped(Code.PEOPLE_OFF)
        return
    facts = {"connection": where.connection, "base": where.base, "attribute": where.name}
    try:
        session = connect(_settings(examination, where.connection))
    except EndpointError as error:
        yield problem(Code.PEOPLE_UNREACHABLE, said=_said(error), remedy=error.remedy, **facts)
        return
    wanted = [where.name, where.mail, where.manager]
    try:
        found = session.search_ext_s(
            where.base, ldap.SCOPE_SUBTREE, f"({where.name}=*)", wanted, sizelimit=1, timeout=ANSWER_SECONDS
        )
    except ldap.SIZELIMIT_EXCEEDED:
        found = [(where.base, {})]  # there are more than one, which is all that was asked
    except (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX):
        yield problem(Code.PEOPLE_BASE_MISSING, **facts)
        return
    except ldap.LDAPError as error:
        yield problem(Code.PEOPLE_NOT_SEARCHED, error=type(error).__name__, **facts)
        return
    finally:
        with contextlib.suppress(ldap.LDAPError):
            session.unbind_s()
    if any(name is not None for name, _ in found):
        yield ok(Code.PEOPLE_FINE, **facts)
    else:
        yield problem(Code.PEOPLE_NONE, **facts)


def _wanted(examination: Examination) -> dict[str, tuple[str, ...]]:
    """Connection → containers that have to be there; without containers where one is tested by name."""
    if examination.named:
        return dict.fromkeys(examination.named, ())
    containers: dict[str, set[str]] = defaultdict(set)
    for each in examination.usable():
        for job in each.loaded.collection.enabled_jobs:
            for end in (job.source, job.destination):
                if isinstance(end, DirectorySource):
                    containers[end.connection].add(end.container)
                elif isinstance(end, DirectoryDestination):
                    fixed = end.container if isinstance(end.container, str) else None
                    containers[end.connection] |= {each for each in (end.base, fixed) if each}
    return {name: tuple(sorted(found)) for name, found in containers.items()}


def _settings(examination: Examination, name: str) -> LdapSettings:
    """What a connection says, with less patience than it has. Raises EndpointError, CannotTell."""
    connection = examination.connection(name)
    if connection.type != "ldap":
        kind = connection.type or "none"
        raise CannotTell(Code.CONNECTION_TYPE, State.PROBLEM, connection=name, type=kind)
    read = read_settings(connection)
    return replace(read, timeout=min(read.timeout, ANSWER_SECONDS))


def _test(examination: Examination, name: str, containers: Sequence[str]) -> _Tested:
    read = _settings(examination, name)
    return _Tested(read, try_connection(read, containers))


def _said(error: EndpointError) -> str:
    return f"{error.endpoint}: {error.message}" if error.endpoint else error.message


def _told(tested: _Tested) -> Iterator[Finding]:
    read, root = tested.settings, tested.trial.root
    facts = {"connection": read.connection_id, "server": read.uri}
    for said in read.warnings:
        yield warning(Code.CONNECTION_DOUBTFUL, said=said, **facts)
    if root.controls and PAGED_RESULTS not in root.controls:
        yield problem(Code.NO_PAGING, **facts)
    for container in tested.trial.absent:
        login = read.login or "anonymous"
        yield warning(Code.CONTAINER_MISSING, container=container, login=login, **facts)
    yield ok(
        Code.CONNECTION_FINE,
        login=read.login or "anonymous",
        flavour=root.flavour.value,
        contexts=root.naming_contexts or ["no naming context that this login may see"],
        **facts,
    )
