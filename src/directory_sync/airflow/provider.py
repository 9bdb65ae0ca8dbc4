"""What Airflow is told about this package: config section, connection type, command, tables.

Every Airflow process calls this at start, so it imports nothing but the settings table.
"""

from __future__ import annotations

from typing import Any

from directory_sync import __version__
from directory_sync.settings.options import OPTIONS, SECTION

DISTRIBUTION = "airflow-directory-sync"


def get_provider_info() -> dict[str, Any]:
    """Return the provider information that Airflow reads through the entry point
    `apache_airflow_provider`.
    """
    return {
        "package-name": DISTRIBUTION,
        "name": "Directory Sync",
        "description": (
            "Keeps accounts, groups and contacts in sync between directories, databases and files."
        ),
        "versions": [__version__],
        "integrations": [{"integration-name": "Directory Sync", "tags": ["service"]}],
        "operators": [
            {"integration-name": "Directory Sync", "python-modules": ["directory_sync.airflow.operators"]}
        ],
        "hooks": [{"integration-name": "Directory Sync", "python-modules": ["directory_sync.airflow.hook"]}],
        "connection-types": [_ldap_connection_type()],
        "config": {SECTION: _config_section()},
        "cli": ["directory_sync.airflow.command.get_cli_commands"],
        "db-managers": ["directory_sync.airflow.db_manager.DirectorySyncDBManager"],
    }


def _config_section() -> dict[str, Any]:
    return {
        "description": (
            "Directory Sync: where its tables, files and definitions are, and how long it waits for things."
        ),
        "options": {
            option.name: {
                "description": option.description + "\n",
                "version_added": option.version_added,
                "type": option.type,
                "example": option.example,
                "default": option.default,
                **({"sensitive": True} if option.sensitive else {}),
            }
            for option in OPTIONS
        },
    }


def _ldap_connection_type() -> dict[str, Any]:
    return {
        "connection-type": "ldap",
        "hook-class-name": "directory_sync.airflow.hook.LdapHook",
        "hook-name": "LDAP directory",
        "conn-fields": {
            "security": {
                "label": "Security",
                "description": "ldaps: TLS from the first byte (port 636). starttls: TLS on port 389. none:"
                " passwords travel in clear.",
                "schema": {
                    "type": ["string", "null"],
                    "enum": ["ldaps", "starttls", "none"],
                    "default": "ldaps",
                },
            },
            "ca_certificate": {
                "label": "CA certificate file",
                "description": "PEM file with the certificate authority that the server's certificate is"
                " checked against, on every machine that runs tasks. Empty: the system's authorities.",
                "schema": {"type": ["string", "null"]},
            },
            "verify": {
                "label": "Verify the certificate",
                "description": (
                    "Switch off only for a test: without it anyone in between can read and change everything."
                ),
                "schema": {"type": ["boolean", "null"], "default": True},
            },
            "page_size": {
                "label": "Page size",
                "description": (
                    "Entries per page of a listing (RFC 2696). Active Directory gives 1000 at most."
                ),
                "schema": {"type": ["integer", "null"], "minimum": 1, "maximum": 10000, "default": 1000},
            },
            "timeout": {
                "label": "Timeout in seconds",
                "description": "How long to wait for a connection and for an answer.",
                "schema": {"type": ["number", "null"], "minimum": 1, "maximum": 3600, "default": 30},
            },
            "flavour": {
                "label": "Flavour",
                "description": "Which conventions the directory follows. auto: ask its root DSE.",
                "schema": {
                    "type": ["string", "null"],
                    "enum": ["auto", "active_directory", "openldap", "generic"],
                    "default": "auto",
                },
            },
            "assertion_control": {
                "label": "Assertion control",
                "description": "Send what was seen along with each write, as a condition (RFC 4528). Leave it"
                " off for OpenLDAP before 2.7 with overlays (memberof, unique): they go wrong with it. Off:"
                " each object is looked at before.",
                "schema": {"type": ["boolean", "null"], "default": False},
            },
            "instance": {
                "label": "Instance",
                "description": "Only where two servers hold copies of the same data, a live one and a test copy"  # noqa: E501
                " for example: a word that tells this one from the other. Leave it empty otherwise.",
                "schema": {"type": ["string", "null"]},
            },
        },
        "ui-field-behaviour": {
            "hidden-fields": ["schema"],
            "relabeling": {"host": "Server", "login": "Bind DN or user principal name"},
            "placeholders": {
                "host": "dc1.lab.example",
                "port": "636",
                "login": "cn=sync,ou=services,dc=lab,dc=example",
            },
        },
    }
