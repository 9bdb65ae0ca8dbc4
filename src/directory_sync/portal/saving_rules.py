"""What counts in this deployment when a visitor saves a collection."""

from __future__ import annotations

from pathlib import Path

from directory_sync import settings
from directory_sync.collections.saving import SavingRules
from directory_sync.definition.catalogue import FolderCatalogue
from directory_sync.definition.reach import MailReach
from directory_sync.definition.templates import FolderTemplates
from directory_sync.errors import SettingsError
from directory_sync.portal import airflow_dags
from directory_sync.portal.access import Visitor
from directory_sync.rights.reading import read_connection_rules


def saving_rules(visitor: Visitor, *, only_looks: bool = False) -> SavingRules:
    """What counts in this deployment when the visitor saves.

    `only_looks`: nothing is saved, so it does not matter whether the rules of connections can be read.

    Raises SettingsError, ConnectionRulesError.
    """
    templates = FolderTemplates(own_templates())
    return SavingRules(
        collection_roles=settings.collection_roles(),
        administrators=settings.administrator_roles(),
        connection_rules=None if only_looks else read_connection_rules(settings.connection_rules()),
        templates=templates,
        script_modules=settings.script_modules(),
        reach=_reach(),
        files=FolderCatalogue(_collections_folder(), templates),
        sees=visitor.may_see,
        taken_by=airflow_dags.taken_by,
    )


def own_templates() -> Path | None:
    """The folder of the deployment's own templates, or None. Raises SettingsError."""
    return settings.templates_folder(_collections_folder())


def _collections_folder() -> Path:
    return settings.collections_folder(beside=airflow_dags.collections_near_dags())


def _reach() -> MailReach | None:
    """Who mail can reach; None where the settings are wrong: that must keep no one from saving."""
    try:
        return settings.mail_reach()
    except SettingsError:
        return None
