"""For runs that only read and write files."""

from __future__ import annotations

from directory_sync.endpoints.contract import ConnectionInfo


class NoConnections:
    """Connections of a deployment that has none; asking for one fails the test."""

    def get(self, connection_id: str) -> ConnectionInfo:
        """Never returns."""
        raise AssertionError(connection_id)
