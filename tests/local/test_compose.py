"""docker-compose.yml, the images' Dockerfiles and .env.example: what can be checked of them without
containers.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

from demo.airflow_server import LOGINS
from directory_sync.doctor.bundles import LOCAL, SAVED_CLASS
from directory_sync.settings import OPTIONS
from tests.scenarios import compose

SECRETS = {name: f"s3cret-{name}" for name, how in compose.variables_named().items() if how == ":?"}
FILE: dict[str, Any] = compose.load(SECRETS)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
ONCE = {"init", "certificates"}
AIRFLOW = {"init", "api-server", "scheduler", "dag-processor", "triggerer", "worker"}
DOCKERFILES = [compose.PROJECT / "Dockerfile", compose.PROJECT / "deploy" / "openldap" / "Dockerfile"]
SCRIPTS = sorted(compose.PROJECT.glob("deploy/**/*.sh"))
ALL = pytest.mark.parametrize("name", SERVICES)

# Of the Compose specification, the part that this file uses; a misspelt key is silently ignored by nobody
# else.
SERVICE_KEYS = {
    *(
        "build",
        "cap_drop",
        "command",
        "depends_on",
        "deploy",
        "environment",
        "healthcheck",
        "hostname",
        "image",
        "init",
    ),
    *(
        "network_mode",
        "networks",
        "ports",
        "read_only",
        "restart",
        "security_opt",
        "shm_size",
        "stop_grace_period",
        "tmpfs",
    ),
    *("user", "volumes"),
}


def environment(name: str) -> dict[str, str]:
    """The environment of a service."""
    found: dict[str, str] = SERVICES[name].get("environment", {})
    return found


def reaches(name: str) -> set[str]:
    """The services that share a network with this one."""
    own = set(SERVICES[name].get("networks", ()))
    return {other for other in SERVICES if own & set(SERVICES[other].get("networks", ()))} - {name}


def test_it_is_what_was_asked_for() -> None:
    """Two workers, two triggerers, both databases' server, the queue, two directories, and one of each other
    part of Airflow.
    """
    replicas = {name: service["deploy"].get("replicas", 1) for name, service in SERVICES.items()}
    assert {name for name, number in replicas.items() if number == 2} == {"worker", "triggerer"}
    assert set(SERVICES) == AIRFLOW | {"postgres", "redis", "certificates", "planetexpress", "branch"}


@ALL
def test_services_are_spelt_as_compose_does(name: str) -> None:
    """Keys are ones that Compose knows; networks, named volumes and dependencies exist."""
    service = SERVICES[name]
    assert set(service) <= SERVICE_KEYS
    assert set(service.get("networks", ())) <= set(FILE["networks"])
    for volume in service.get("volumes", ()):
        source = volume.split(":")[0]
        assert (
            source in FILE["volumes"] or (compose.PROJECT / source).exists() or source == "./dags/collections"
        )
    for other, condition in service.get("depends_on", {}).items():
        expected = "service_completed_successfully" if other in ONCE else "service_healthy"
        assert condition == {"condition": expected}, other
    assert all(isinstance(value, str) for value in environment(name).values()), (
        "YAML would turn True and 10 into something else"
    )


@ALL
def test_services_are_watched_and_come_back(name: str) -> None:
    """Whatever stays has a health check and is started again; what runs once is tried again when it fails.

    All have limits.
    """
    service = SERVICES[name]
    if name in ONCE:
        assert service["restart"].startswith("on-failure")
    else:
        assert service["restart"] == "unless-stopped"
        check = service["healthcheck"]
        assert check["test"][0] in {"CMD", "CMD-SHELL"}
        assert {"interval", "timeout", "retries", "start_period"} <= set(check)
    assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])


@ALL
def test_services_have_no_more_power_than_they_need(name: str) -> None:
    """Nobody is root, may become somebody else, has capabilities, or writes to the image's own files."""
    service = SERVICES[name]
    assert service["user"].split(":")[0] not in {"", "0", "root"}
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


def test_only_the_pages_are_published_and_only_on_this_machine() -> None:
    """One port is published, the UI's, on 127.0.0.1 unless the environment says otherwise."""
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "api-server": ["127.0.0.1:8080:8080"]
    }
    open_networks = {name for name, network in FILE["networks"].items() if not network.get("internal")}
    assert open_networks == {"ui", "directories"}
    assert {name for name, service in SERVICES.items() if "ui" in service.get("networks", ())} == {
        "api-server"
    }


def test_services_reach_only_what_they_need() -> None:
    """Only workers reach directories; the queue is for scheduler and workers; directories reach nobody but
    workers.
    """
    assert reaches("planetexpress") == {"branch", "worker"}
    assert reaches("redis") == {"scheduler", "worker"}
    assert reaches("postgres") == AIRFLOW
    assert "api-server" in reaches("worker")


def test_each_service_holds_only_the_secrets_it_uses() -> None:
    """Who holds a secret is written here, once more: a new secret in a new place has to be meant."""
    holders: dict[str, set[str]] = {name: set() for name in SECRETS}
    for service in SERVICES:
        text = "\n".join(environment(service).values())
        for name, value in SECRETS.items():
            if re.search(rf"{value}\b", text):
                holders[name].add(service)
    core = AIRFLOW - {"worker"}
    assert holders == {
        "POSTGRES_PASSWORD": {"postgres"},
        "AIRFLOW_DATABASE_PASSWORD": {"postgres", *core},
        "STORE_OWNER_PASSWORD": {"postgres", "init"},
        "STORE_PASSWORD": {"postgres", "api-server", "triggerer", "worker"},
        "STORE_DEFINITIONS_PASSWORD": {"postgres", "dag-processor"},
        "REDIS_PASSWORD": {"redis", "scheduler", "worker"},
        "AIRFLOW_FERNET_KEY": core,
        "AIRFLOW_JWT_SECRET": core,
        "AIRFLOW_SECRET_KEY": core,
        "ADMIN_PASSWORD": {"init"},
        "PLANET_EXPRESS_PASSWORD": {"planetexpress", "worker"},
        "BRANCH_OFFICE_PASSWORD": {"branch", "worker"},
    }
    words = [
        word
        for service in SERVICES.values()
        for word in (*service.get("command", ()), *service["image"].split())
    ]
    assert not [word for word in words if "s3cret" in word], (
        "a command line can be read by everybody on the machine"
    )


def test_nothing_starts_without_its_secrets() -> None:
    """A secret that is not set stops Compose with a message that names it; there are no default passwords."""
    for missing in SECRETS:
        with pytest.raises(compose.VariableMissing, match=f"{missing} is not set, see .env.example"):
            compose.load({name: value for name, value in SECRETS.items() if name != missing})


def test_the_example_explains_every_variable() -> None:
    """.env.example names each variable once, with the default that the file has, under a comment; it holds no
    secret.
    """
    text = compose.EXAMPLE.read_text(encoding="utf-8")
    written = re.findall(r"^(#?)([A-Z][A-Z_]+)=(.*)$", text, re.MULTILINE)
    named = compose.variables_named()
    assert sorted(name for _, name, _ in written) == sorted(named)
    for commented, name, value in written:
        assert (commented, value) == (
            ("", "") if named[name] == ":?" else ("#", named[name].removeprefix(":-"))
        ), name
    for block in re.split(r"^(?:#?[A-Z_]+=.*\n)+", text, flags=re.MULTILINE)[:-1]:
        assert block.lstrip().startswith("#"), f"nothing explains what comes after {block!r}"


def test_new_secrets_are_strong_and_fit_into_addresses() -> None:
    """deploy/new_environment.sh fills in every secret with a new one that needs no escaping in a URL."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    files = [
        dict(
            line.split("=", 1)
            for line in run("deploy/new_environment.sh").splitlines()
            if line and line[0] != "#"
        )
        for _ in range(2)
    ]
    assert set(files[0]) == set(SECRETS)
    for name, value in files[0].items():
        assert re.fullmatch(r"[A-Za-z0-9_=-]{44,}", value), name
        assert value != files[1][name]
    compose.load(files[0])


def run(script: str) -> str:
    """What a shell script of the project prints."""
    return subprocess.run(
        ["sh", str(compose.PROJECT / script)], capture_output=True, text=True, check=True
    ).stdout


def test_settings_of_the_environment_exist() -> None:
    """Every variable of our section is a setting; the store's address reaches those who open it, and nobody
    else.
    """
    known = {option.environment_variable for option in OPTIONS}
    for name in SERVICES:
        assert {each for each in environment(name) if each.startswith("AIRFLOW__DIRECTORY_SYNC__")} <= known
    with_store = {name for name in SERVICES if "AIRFLOW__DIRECTORY_SYNC__DATABASE_URL" in environment(name)}
    assert with_store == {"init", "api-server", "dag-processor", "triggerer", "worker"}


def test_settings_that_differ_between_deployments_come_from_the_environment() -> None:
    """All of Airflow gets each setting that a deployment chooses; which ones keep their default is said
    here.
    """
    defaults = {"collections_folder", "templates_folder"}  # mounted where they are looked for
    defaults |= {"plan_max_age", "lease_duration", "lease_wait", "gate_poll_interval", "upkeep_interval"}
    defaults |= {"logged_changes", "request_retention", "people_mail", "people_manager"}
    wanted = {option.environment_variable for option in OPTIONS if option.name not in defaults}
    for name in AIRFLOW:
        given = {each for each in environment(name) if each.startswith("AIRFLOW__DIRECTORY_SYNC__")}
        assert wanted - given <= {"AIRFLOW__DIRECTORY_SYNC__DATABASE_URL"}, name
        assert given <= wanted, name


def test_all_of_airflow_runs_the_same_image_with_the_same_definitions() -> None:
    """Every process of Airflow has one image, and definitions, templates and rules where it looks for them,
    read-only.
    """
    assert len({SERVICES[name]["image"] for name in AIRFLOW}) == 1
    for name in AIRFLOW:
        mounted = dict(volume.split(":", 1) for volume in SERVICES[name]["volumes"])
        assert mounted["./dags/collections"] == "/opt/airflow/dags/collections:ro"
        assert mounted["./include"] == "/opt/airflow/include:ro"


def test_all_of_airflow_reads_the_same_bundles_and_takes_edits_up_at_once() -> None:
    """The DAG folder, as by default, and the collections that are saved in the store."""
    configured = ConfigParser(interpolation=None)
    configured.read(compose.PROJECT / "deploy" / "airflow" / "airflow.cfg", encoding="utf-8")
    bundles = json.loads(configured["dag_processor"]["dag_bundle_config_list"])
    assert [each["name"] for each in bundles] == ["dags-folder", "directory-sync"]
    assert [each["classpath"] for each in bundles] == [LOCAL, SAVED_CLASS]
    assert configured["core"]["min_serialized_dag_update_interval"] == "0"
    overridden = {"AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", "AIRFLOW_CONFIG"}
    assert not any(overridden & set(environment(name)) for name in AIRFLOW)


@pytest.mark.parametrize("file", DOCKERFILES, ids=["airflow", "openldap"])
def test_images_hold_what_they_copy_and_do_not_run_as_root(file: Path) -> None:
    """What a Dockerfile copies exists and is not shut out by .dockerignore; the base has a tag; the last user
    is not root.
    """
    text = re.sub(r"\\\n", " ", file.read_text(encoding="utf-8"))
    let_in = [
        line[1:]
        for line in (compose.PROJECT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    for options, words in re.findall(r"^COPY (--from=\S+ )?(.*)$", text, re.MULTILINE):
        if options:
            continue
        for source in words.split()[:-1]:
            assert list(compose.PROJECT.glob(source.rstrip("/"))), f"{source} does not exist"
            assert any(source.rstrip("/").startswith(name) for name in let_in), (
                f".dockerignore keeps {source} out"
            )
    bases = re.findall(r"^(?:FROM|ARG PYTHON=)\s*(\S+)", text, re.MULTILINE)
    assert all(re.fullmatch(r"\w[\w-]*:[\w.-]+|\$\{PYTHON\}", base) for base in bases), bases
    assert re.findall(r"^USER (\S+)$", text, re.MULTILINE)[-1].split(":")[0] not in {"0", "root"}


def test_the_image_is_installed_from_pinned_packages() -> None:
    """Each pip in the Dockerfile demands hashes, or installs this package without anything else; the locks
    hold both.
    """
    lines = re.sub(r"\\\n", " ", (compose.PROJECT / "Dockerfile").read_text(encoding="utf-8")).splitlines()
    installs = [line for line in lines if "pip install" in line]
    assert len(installs) == 3
    for line in installs:
        assert "--require-hashes" in line or ("--no-deps" in line and "--no-build-isolation" in line), line
    for name in ("deploy", "build"):
        lock = (compose.PROJECT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        pinned = re.findall(r"^[a-z0-9][^\n]*==[^\n]*\\\n +--hash=", lock, re.MULTILINE)
        assert len(pinned) == len(re.findall(r"^[a-z0-9]", lock, re.MULTILINE)) > 0
    deploy = (compose.PROJECT / "requirements" / "deploy.txt").read_text(encoding="utf-8")
    for package in (
        "apache-airflow-providers-celery",
        "apache-airflow-providers-fab",
        "psycopg2-binary",
        "redis",
        "python-ldap",
    ):
        assert re.search(rf"^{package}==", deploy, re.MULTILINE), package


@pytest.mark.parametrize(
    "script",
    SCRIPTS,
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_scripts_stop_at_the_first_error(script: Path) -> None:
    """Shell scripts parse, say what they do, and stop where something fails."""
    text = script.read_text(encoding="utf-8")
    assert re.match(r"#!/bin/sh\n# [A-Z]", text)
    assert re.search(r"^set -eu$", text, re.MULTILINE)
    subprocess.run(["sh", "-n", str(script)], check=True)


def test_the_roles_hold_no_more_than_their_work_needs() -> None:
    """An approver reads DAGs and plugins, an operator's own role adds plugins; neither role can change
    anything in Airflow.
    """
    rights: dict[str, set[tuple[str, str]]] = {}
    for right in json.loads(
        (compose.PROJECT / "deploy" / "airflow" / "roles.json").read_text(encoding="utf-8")
    ):
        rights.setdefault(right["name"], set()).add((right["resource"], right["action"]))
    assert rights == {
        "Directory Approvers": {("DAGs", "can_read"), ("Plugins", "can_read")},
        "Directory Operators": {("Plugins", "can_read")},
    }


def test_the_demos_approvers_may_only_look() -> None:
    """Who decides in the demo can neither start nor clear nor delete a run."""
    assert (LOGINS["bob"], LOGINS["carol"], LOGINS["ida"]) == ("viewer", "viewer", "op")
