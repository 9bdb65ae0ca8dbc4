"""Where a job reads and writes, in words for people: connection and container, table or file.

Plain text on one line.
"""

from __future__ import annotations

from directory_sync.definition.addresses import (
    AnyDestination,
    AnySource,
    DirectoryDestination,
    DirectorySource,
    FileEndpoint,
    SqlDestination,
    SqlSource,
)


def source_text(source: AnySource) -> str:
    """Where records come from: `corp_ad: OU=People,DC=corp`, `hr_db: hr.employees`, `feeds/staff.csv`."""
    match source:
        case FileEndpoint() as file:
            return _file(file)
        case DirectorySource():
            return f"{source.connection}: {source.container}"
        case SqlSource():
            return f"{source.connection}: {source.table or 'a query'}"


def destination_text(destination: AnyDestination) -> str:
    """Where objects are written, in the same form."""
    match destination:
        case FileEndpoint() as file:
            return _file(file)
        case SqlDestination():
            return f"{destination.connection}: {destination.table}"
        case DirectoryDestination(container=str() as container):
            return f"{destination.connection}: {container}"
        case DirectoryDestination():
            return f"{destination.connection}: {destination.base or ''}, container computed"


def _file(endpoint: FileEndpoint) -> str:
    return f"{endpoint.connection}: {endpoint.file}" if endpoint.connection else endpoint.file
