"""The Airflow plugin of this package: where the portal shows in Airflow's UI, and the timetable of
collections.

Every Airflow process imports this module, tasks and triggerers too, so that what only some of them look at is
made when it is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from airflow.timetables.base import Timetable

_PREFIX = "/dirsync"


class DirectorySyncPlugin(AirflowPlugin):
    """Registers what Airflow loads through the entry point `airflow.plugins`."""

    name = "directory_sync"

    @property
    def timetables(self) -> list[type[Timetable]]:  # type: ignore[override]
        """The timetable of job collections."""
        from directory_sync.airflow.timetable import CollectionTimetable

        return [CollectionTimetable]

    @property
    def listeners(self) -> list[Any]:  # type: ignore[override]
        """What hears that runs are over, in the scheduler and the API server."""
        from directory_sync.airflow import run_listener

        return [run_listener]

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The portal, which only the API server serves."""
        from directory_sync.portal.app import create_app

        return [{"app": create_app(), "url_prefix": _PREFIX, "name": "Directory Sync"}]

    @property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The portal's entry in the menu, and its tabs on the pages of DAGs, tasks and their runs.

        Airflow fills in what stands in braces. One wrong destination would keep Airflow from showing any of
        these.
        """
        icons = {"icon": _path("/static/icon.svg"), "icon_dark_mode": _path("/static/icon-dark.svg")}
        return [
            {
                "name": "Dir Sync",
                "href": _path("/"),
                "destination": "nav",
                "nav_top_level": True,
                "url_route": "dirsync",
                **icons,
            },
            {
                "name": "Sync collection",
                "href": _path("/embed/dag?dag_id={DAG_ID}"),
                "destination": "dag",
                "url_route": "dirsync_dag",
                **icons,
            },
            {
                "name": "Sync job",
                "href": _path("/embed/task?dag_id={DAG_ID}&task_id={TASK_ID}"),
                "destination": "task",
                "url_route": "dirsync_task",
                **icons,
            },
            {
                "name": "Sync results",
                "href": _path("/embed/run?dag_id={DAG_ID}&run_id={RUN_ID}"),
                "destination": "dag_run",
                "url_route": "dirsync_run",
                **icons,
            },
            {
                "name": "Sync job",
                "href": _path(
                    "/embed/ti?dag_id={DAG_ID}&run_id={RUN_ID}&task_id={TASK_ID}&map_index={MAP_INDEX}"
                ),
                "destination": "task_instance",
                "url_route": "dirsync_ti",
                **icons,
            },
        ]

    @property
    def react_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The card on Airflow's Home. Airflow finds its component by this name among the globals."""
        return [
            {
                "name": "DirectorySyncCards",
                "bundle_url": _path("/static/cards.js"),
                "destination": "dashboard",
                "url_route": "dirsync_cards",
            }
        ]


def _path(path: str) -> str:
    """The address of something in the portal, wherever Airflow lives on its host."""
    from airflow.configuration import conf

    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/") + _PREFIX + path
