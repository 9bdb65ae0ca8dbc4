"""The Airflow plugin of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from airflow.timetables.base import Timetable


class DirectorySyncPlugin(AirflowPlugin):
    """Registers what Airflow loads through the entry point `airflow.plugins`."""

    name = "directory_sync"

    # A property, because every Airflow process imports this class, but few of them look at timetables.
    @property
    def timetables(self) -> list[type[Timetable]]:  # type: ignore[override]
        """The timetable of job collections."""
        from directory_sync.airflow.timetable import CollectionTimetable

        return [CollectionTimetable]
