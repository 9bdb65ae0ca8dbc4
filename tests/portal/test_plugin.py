"""What the plugin registers in Airflow, and that importing it costs other processes nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.scenarios.portal_server import PortalServer

_IMPORTED = """
import sys
import airflow.plugins_manager
before = set(sys.modules)
import directory_sync.airflow.plugin as plugin
views = plugin.DirectorySyncPlugin().external_views
new = set(sys.modules) - before
print(len(new), *sorted(name for name in new if name.startswith(("fastapi", "airflow.api_fastapi", "directory_sync.portal"))))
"""  # noqa: E501


def test_importing_the_plugin_is_cheap() -> None:
    """Every Airflow process imports the plugin, tasks and triggers too: it brings no web app, no store and no
    endpoint along.
    """
    answer = subprocess.run(
        [sys.executable, "-c", _IMPORTED],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
        timeout=120,
    )
    count, *heavy = answer.stdout.splitlines()[-1].split()
    assert heavy == []
    assert int(count) < 20


def test_airflow_accepts_every_view() -> None:
    """One wrong destination would keep Airflow from showing any of the plugin's pages."""
    from airflow.api_fastapi.core_api.datamodels.plugins import ExternalViewResponse

    from directory_sync.airflow.plugin import DirectorySyncPlugin

    views = [ExternalViewResponse.model_validate(view) for view in DirectorySyncPlugin().external_views]
    assert [(view.name, view.destination, view.url_route) for view in views] == [
        ("Dir Sync", "nav", "dirsync"),
        ("Sync collection", "dag", "dirsync_dag"),
        ("Sync job", "task", "dirsync_task"),
        ("Sync results", "dag_run", "dirsync_run"),
        ("Sync job", "task_instance", "dirsync_ti"),
    ]


def test_airflow_accepts_the_plugin_as_a_whole() -> None:
    """What its UI gets of the plugin, by its own model: the views, and the card on Home."""
    from airflow import plugins_manager
    from airflow.api_fastapi.core_api.datamodels.plugins import PluginResponse

    [info] = [each for each in plugins_manager.get_plugin_info() if each["name"] == "directory_sync"]
    found = PluginResponse.model_validate(info)
    assert {view.destination for view in found.external_views} == {
        "nav",
        "dag",
        "task",
        "dag_run",
        "task_instance",
    }
    [card] = found.react_apps
    assert (card.name, card.destination) == ("DirectorySyncCards", "dashboard")
    assert card.bundle_url == "/dirsync/static/cards.js"
    # Nothing else that Airflow shows may have the name: it becomes a global variable of its page.
    assert card.name not in ("React", "ReactDOM", "ReactJSXRuntime", "ReactRouterDOM", "ChakraUI")


def test_links_work_below_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Airflow shares its host, addresses start with its path, twice in those that open the portal
    inside Airflow.
    """
    from directory_sync.airflow.plugin import DirectorySyncPlugin
    from directory_sync.portal import links

    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://it.example/airflow/")
    assert DirectorySyncPlugin().external_views[0]["href"] == "/airflow/dirsync/"
    assert links.portal_path("/requests") == "/airflow/dirsync/requests"
    assert links.request_url(3) == "https://it.example/airflow/plugin/dirsync/airflow/dirsync/requests/3"
    assert links.sign_in_path(links.outer_path("/requests/3")) == (
        "/airflow/api/v2/auth/login?next=%2Fairflow%2Fplugin%2Fdirsync%2Fairflow%2Fdirsync%2Frequests%2F3"
    )


def test_airflow_shows_the_plugin(simple: PortalServer) -> None:
    """The running API server lists the plugin with its views and without an import error."""
    answer = simple.client("vera").get(f"{simple.url}/api/v2/plugins").json()
    [found] = [plugin for plugin in answer["plugins"] if plugin["name"] == "directory_sync"]
    destinations = {view["destination"] for view in found["external_views"]}
    assert destinations == {"nav", "dag", "task", "dag_run", "task_instance"}
    [card] = found["react_apps"]
    script = simple.client(None).get(card["bundle_url"].removeprefix("/dirsync"))
    assert script.status_code == 200
    # As any other type, the browser would refuse to import it, and Home would show an error.
    assert script.headers["content-type"].startswith("text/javascript")
    assert found["fastapi_apps"][0]["url_prefix"] == "/dirsync"
    errors = simple.client("admin").get(f"{simple.url}/api/v2/plugins/importErrors").json()
    assert [error for error in errors["import_errors"] if "directory_sync" in str(error)] == []
