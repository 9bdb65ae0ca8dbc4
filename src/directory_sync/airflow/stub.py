"""The file by which Airflow finds a collection that is saved in the store, and the DAG that is made of it.

The file holds the definition, so that parsing it asks no store, and Airflow shows it on the DAG's tab *Code*.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow.sdk import DAG

from directory_sync.airflow.catalogue import templates_of_deployment
from directory_sync.airflow.dag_factory import dag_of
from directory_sync.definition.saved_documents import saved_document

if TYPE_CHECKING:
    from directory_sync.store.collection_versions import SavedVersion


def stub_of(version: SavedVersion) -> str:
    """The text of a collection's file. Airflow reads a file only if it holds both words, airflow and dag.

    The roles are there to show what breaks the rules of connections; a run asks the store for them.
    """
    roles = list(version.roles) if version.verified else []
    return (
        "# An Airflow dag, made from a collection that is saved in Directory Sync."
        " Edit it there; changes here are lost.\n"
        f"DEFINITION = {_literal(version.text)}\n"
        "\n"
        "from directory_sync.airflow.stub import load\n"
        "\n"
        f"dag = load({version.name!r}, {version.number}, DEFINITION, {roles!r})\n"
    )


def load(name: str, number: int, definition: str, roles: Sequence[str]) -> DAG:
    """The DAG of a saved collection; one that shows what is wrong if the definition is broken.

    Args:
        name: of the collection.
        number: of its version.
        definition: what stands between the quotes of the file, which puts a line break before and after the
            text that was saved.
        roles: those of the person who saved it.
    """
    text = definition[1:-1]
    return dag_of(saved_document(name, number, text), templates_of_deployment(), roles)


def _literal(text: str) -> str:
    """The text as it is between quotes, if Python can read it back; else with what it needs escaped."""
    if "'''" not in text and "\r" not in text:
        return f"r'''\n{text}\n'''"
    escaped = text.replace("\\", "\\\\").replace("'''", "\\'\\'\\'").replace("\r", "\\r")
    return f"'''\n{escaped}\n'''"
