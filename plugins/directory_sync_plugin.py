"""Registers the plugin where the package is on the path, but not installed: then its entry point does not do
it.
"""

from importlib.metadata import entry_points

if "directory_sync" not in {entry_point.name for entry_point in entry_points(group="airflow.plugins")}:
    from directory_sync.airflow.plugin import DirectorySyncPlugin  # noqa: F401  Airflow looks for it in this file
