"""Checks of what is installed: versions of Python and Airflow, and whether Airflow finds this package."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from directory_sync import __version__
from directory_sync.doctor.codes import Code
from directory_sync.doctor.examination import Examination
from directory_sync.doctor.findings import Finding, ok, problem, skipped

DISTRIBUTION = "airflow-directory-sync"
PYTHON = ">=3.11,<3.14"
AIRFLOW = ">=3.3.2,<3.4"
"""Where the package is not installed, nothing else says so; a test holds both against pyproject.toml."""
ENTRY_POINTS = {
    "apache_airflow_provider": "directory_sync.airflow.provider:get_provider_info",
    "airflow.plugins": "directory_sync.airflow.plugin:DirectorySyncPlugin",
}


def python(examination: Examination) -> Iterator[Finding]:
    """Whether this version of Python is supported."""
    del examination
    facts = {"version": platform.python_version(), "program": sys.executable, "needed": PYTHON}
    if SpecifierSet(PYTHON).contains(platform.python_version(), prereleases=True):
        yield ok(Code.PYTHON_SUPPORTED, **facts)
    else:
        yield problem(Code.PYTHON_UNSUPPORTED, **facts)


def airflow(examination: Examination) -> Iterator[Finding]:
    """Whether this version of Airflow is supported."""
    del examination
    needed = _requirement("apache-airflow") or AIRFLOW
    found = _version("apache-airflow-core") or _version("apache-airflow")
    if not found:
        yield problem(Code.AIRFLOW_MISSING, needed=needed, program=sys.executable)
    elif SpecifierSet(needed).contains(found, prereleases=True):
        yield ok(Code.AIRFLOW_SUPPORTED, version=found)
    else:
        yield problem(Code.AIRFLOW_UNSUPPORTED, version=found, needed=needed)


def package(examination: Examination) -> Iterator[Finding]:
    """Whether Airflow can find the provider and the plugin of this package."""
    del examination
    installed = _version(DISTRIBUTION)
    if not installed:
        yield problem(Code.PACKAGE_NOT_INSTALLED, program=sys.executable)
        return
    if installed != __version__:
        yield problem(Code.PACKAGE_OTHER_VERSION, installed=installed, running=__version__)
    points = [point for group in ENTRY_POINTS for point in metadata.entry_points(group=group)]
    complete = True
    for group, value in ENTRY_POINTS.items():
        mine = next((each for each in points if each.group == group and each.value == value), None)
        if mine is None:
            complete = False
            yield problem(Code.ENTRY_POINT_MISSING, entry_point=group, program=sys.executable)
    if complete:
        yield ok(Code.PACKAGE_REGISTERED, version=installed)


def provider(examination: Examination) -> Iterator[Finding]:
    """Whether Airflow itself can be loaded and has taken the provider and the plugin."""
    if not examination.has_home:
        yield skipped(Code.NO_HOME, home=str(examination.home))
        return
    try:
        examination.load_airflow()
        from airflow.providers_manager import ProvidersManager

        known = ProvidersManager().providers  # type: ignore[no-untyped-call]
    except BaseException as error:  # noqa: BLE001 - a broken configuration may even end the process
        yield problem(Code.AIRFLOW_UNUSABLE, error=type(error).__name__, said=_first_line(error))
        return
    if DISTRIBUTION not in known:
        yield problem(Code.PROVIDER_UNKNOWN, program=sys.executable)
        return
    try:
        metadata_point = next(
            point
            for point in metadata.entry_points(group="airflow.plugins")
            if point.value == ENTRY_POINTS["airflow.plugins"]
        )
        metadata_point.load()
    except StopIteration:
        return  # `package` says so
    except Exception as error:  # noqa: BLE001 - whatever keeps the plugin from being imported
        yield problem(Code.PLUGIN_BROKEN, error=type(error).__name__, said=_first_line(error))
        return
    yield ok(Code.PROVIDER_KNOWN)


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _requirement(name: str) -> str:
    """What the installed package says that it needs of another one."""
    try:
        needs = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return ""
    return next((str(each.specifier) for each in map(Requirement, needs) if each.name == name), "")


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "").strip()[:300]
