"""What Airflow is told about the package, checked by Airflow's own code and schemas."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema

from directory_sync import settings
from directory_sync.airflow.provider import DISTRIBUTION, get_provider_info


def test_provider_info_follows_airflows_schema() -> None:
    """Airflow refuses provider info that does not follow its schema."""
    import airflow

    for name in ("provider_info.schema.json", "provider.yaml.schema.json"):
        schema = json.loads((Path(airflow.__file__).parent / name).read_text(encoding="utf-8"))
        info = get_provider_info()
        if name == "provider.yaml.schema.json":
            # This schema is for Airflow's own repository; the part about connections counts for what the form
            # shows.
            schema = {
                **schema["properties"]["connection-types"],
                "definitions": schema.get("definitions", {}),
            }
            jsonschema.validate(info["connection-types"], schema)
        else:
            jsonschema.validate(info, schema)


def test_airflow_finds_connection_type_command_and_options() -> None:
    """The providers' manager reads it through the entry point of the installed package, without a warning."""
    from airflow.providers_manager import ProvidersManager
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

    manager = ProvidersManager()
    assert DISTRIBUTION in manager.providers
    hook = ProvidersManagerTaskRuntime().hooks["ldap"]
    assert hook is not None
    assert hook.hook_class_name == "directory_sync.airflow.hook.LdapHook"
    assert hook.hook_name == "LDAP directory"
    assert {
        f"extra__ldap__{name}"
        for name in (
            "security",
            "ca_certificate",
            "verify",
            "page_size",
            "timeout",
            "flavour",
            "assertion_control",
        )
    } <= set(manager.connection_form_widgets)
    assert manager.field_behaviours["ldap"]["hidden_fields"] == ["schema"]


def test_the_form_knows_what_the_endpoint_reads() -> None:
    """Every key of a connection's extra has a field in the form, with the endpoint's own choices and
    defaults.
    """
    from directory_sync.endpoints.ldap import connection

    fields = get_provider_info()["connection-types"][0]["conn-fields"]
    assert set(fields) == set(connection.EXTRA_KEYS)
    assert set(fields["security"]["schema"]["enum"]) == {each.value for each in connection.Security}
    assert set(fields["flavour"]["schema"]["enum"]) == {each.value for each in connection.Flavour}
    assert fields["page_size"]["schema"]["default"] == connection.DEFAULT_PAGE_SIZE
    assert fields["timeout"]["schema"]["default"] == connection.DEFAULT_TIMEOUT


def test_every_class_and_function_that_is_named_exists() -> None:
    """A name that cannot be imported would only be noticed by whoever needs it."""
    info = get_provider_info()
    names = [*info["cli"], *info["db-managers"], info["connection-types"][0]["hook-class-name"]]
    modules = [
        module for kind in ("operators", "hooks") for each in info[kind] for module in each["python-modules"]
    ]
    for name in names:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name
    assert all(importlib.util.find_spec(module) for module in modules)


def test_airflow_reads_the_options_defaults() -> None:
    """`airflow config get-value directory_sync …` and our own reading agree."""
    from airflow.sdk.configuration import conf

    for option in settings.OPTIONS:
        if option.environment_variable not in os.environ:
            assert conf.get(settings.SECTION, option.name) == settings.read(option.name)


def test_the_plugin_is_valid_for_the_ui() -> None:
    """The REST API shows plugins through this model; one that does not fit breaks the list of all."""
    from airflow import plugins_manager
    from airflow.api_fastapi.core_api.datamodels.plugins import PluginResponse

    infos = [info for info in plugins_manager.get_plugin_info() if info["name"] == "directory_sync"]
    assert len(infos) == 1
    response = PluginResponse.model_validate(infos[0])
    assert response.timetables == ["directory_sync.airflow.timetable.CollectionTimetable"]
    assert not plugins_manager.get_import_errors()


def test_the_plugin_is_light() -> None:
    """Every process of Airflow imports the plugin, so it must not drag the API server or the engine along."""
    code = (
        "import sys, airflow.plugins_manager; before = set(sys.modules); import"
        " directory_sync.airflow.plugin;"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert set(loaded) <= {"directory_sync", "directory_sync.airflow", "directory_sync.airflow.plugin"}


def test_provider_info_is_light() -> None:
    """Every process of Airflow reads the provider info, so it imports the settings, what they are
    made of, and nothing else of ours.
    """
    code = (
        "import sys; import directory_sync.airflow.provider as p; p.get_provider_info();"
        "print(*sorted(m for m in sys.modules if m.split('.')[0] in ('airflow', 'directory_sync', 'pydantic',"
        " 'sqlalchemy')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {
        "directory_sync",
        "directory_sync.airflow",
        "directory_sync.airflow.provider",
        "directory_sync.errors",
        "directory_sync.own_dags",
        "directory_sync.settings",
        "directory_sync.settings.options",
        "directory_sync.settings.people",
        "directory_sync.settings.reading",
    }


def test_the_plugin_file_leaves_the_entry_point_alone() -> None:
    """Where the package is installed, the file in `plugins/` registers nothing: a second copy would be an
    import error.
    """
    file = Path(__file__).parents[2] / "plugins" / "directory_sync_plugin.py"
    spec = importlib.util.spec_from_file_location("plugin_file", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert not hasattr(module, "DirectorySyncPlugin")
