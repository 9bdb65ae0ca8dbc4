"""Words for findings about what is installed."""

from __future__ import annotations

from collections.abc import Mapping

from directory_sync.doctor.codes import Code
from directory_sync.doctor.wording.words import Words, words

WORDS: Mapping[Code, Words] = {
    Code.PYTHON_SUPPORTED: words("Python {version} is supported."),
    Code.PYTHON_UNSUPPORTED: words(
        "Python {version} ({program}) is not supported: {needed} is needed.",
        "Install Airflow and this package into an environment with a supported Python.",
    ),
    Code.AIRFLOW_SUPPORTED: words("Airflow {version} is supported."),
    Code.AIRFLOW_UNSUPPORTED: words(
        "Airflow {version} is not supported: {needed} is needed.",
        "Install a supported version of Airflow, or the version of this package that supports yours.",
        "pip install 'apache-airflow{needed}'",
    ),
    Code.AIRFLOW_MISSING: words(
        "Airflow is not installed for {program}.",
        "Use the environment that Airflow runs in, or install Airflow:",
        "{program!q} -m pip install 'apache-airflow{needed}'",
    ),
    Code.PACKAGE_REGISTERED: words("The package {version} is installed, with its provider and plugin."),
    Code.PACKAGE_NOT_INSTALLED: words(
        "The package is on Python's path, but is not installed for {program}, so Airflow finds neither its"
        " connection type nor its plugin.",
        "Install it:",
        "{program!q} -m pip install airflow-directory-sync",
    ),
    Code.PACKAGE_OTHER_VERSION: words(
        "Version {installed} is installed, but {running} is what runs: Python finds another copy first.",
        "Remove the other copy from Python's path (PYTHONPATH, the DAG and plugin folders), or install"
        " again:",
        "pip install --force-reinstall --no-deps airflow-directory-sync",
    ),
    Code.ENTRY_POINT_MISSING: words(
        "The installed package has no entry point {entry_point}, by which Airflow finds it.",
        "Install it again:",
        "{program!q} -m pip install --force-reinstall --no-deps airflow-directory-sync",
    ),
    Code.PROVIDER_KNOWN: words("Airflow can be loaded, and knows the provider and the plugin."),
    Code.PROVIDER_UNKNOWN: words(
        "Airflow does not list the provider.",
        "Install the package again, restart Airflow, and look at its list:",
        "{program!q} -m pip install --force-reinstall --no-deps airflow-directory-sync",
        "airflow providers list",
    ),
    Code.PLUGIN_BROKEN: words(
        "The plugin cannot be imported: {error}: {said}",
        "Correct what it says; this shows where it happens:",
        "python -c 'import directory_sync.airflow.plugin'",
    ),
    Code.AIRFLOW_UNUSABLE: words(
        "Airflow cannot be loaded: {error}: {said}",
        "Correct Airflow's configuration until this command works:",
        "airflow version",
    ),
    Code.NO_HOME: words("Not checked, because there is no folder {home} yet."),
}
