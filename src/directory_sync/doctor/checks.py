"""The table of checks: what belongs to which group, in the order in which findings are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from directory_sync.doctor import (
    configuration,
    connections,
    definitions,
    folders,
    installation,
    mail,
    rights,
    scheduling,
    store,
)
from directory_sync.doctor.examination import Examination
from directory_sync.doctor.findings import Finding
from directory_sync.doctor.groups import Group


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        group: what it is about.
        make: yields what it finds. May raise CannotTell.
    """

    group: Group
    make: Callable[[Examination], Iterator[Finding]]

    @property
    def name(self) -> str:
        """Group and name; no two have the same."""
        return f"{self.group}.{self.make.__name__}"


CHECKS: tuple[Check, ...] = tuple(
    Check(group, make)
    for group, makes in {
        Group.INSTALLATION: (
            installation.python,
            installation.airflow,
            installation.package,
            installation.provider,
        ),
        Group.CONFIGURATION: (
            configuration.config_file,
            configuration.keys,
            configuration.values,
            configuration.address,
        ),
        Group.FOLDERS: (
            folders.home,
            folders.data,
            folders.collections,
            folders.templates,
            folders.store_file,
            folders.config_file,
        ),
        Group.STORE: (store.tables, store.sharing, store.rights, store.clock, store.leftovers),
        Group.DEFINITIONS: (definitions.files, definitions.saved, definitions.scripts),
        Group.AIRFLOW: (
            scheduling.dag_file,
            scheduling.saved_bundle,
            scheduling.metadata,
            scheduling.dags,
            scheduling.upkeep,
            scheduling.processes,
        ),
        Group.MAIL: (mail.server, mail.without_effect, mail.templates),
        Group.CONNECTIONS: (connections.directories, connections.people),
        Group.RIGHTS: (
            rights.administrators,
            rights.editors,
            rights.addresses,
            rights.approvers,
            rights.rules,
        ),
    }.items()
    for make in makes
)
