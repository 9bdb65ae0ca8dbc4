"""The hook behind Airflow's connection type `ldap`: a logged-in connection for your own tasks, and the *Test*
button.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseHook

from directory_sync.airflow.connections import AirflowConnections
from directory_sync.errors import EndpointError

if TYPE_CHECKING:
    from ldap.ldapobject import SimpleLDAPObject

    from directory_sync.endpoints.ldap.connection import LdapSettings


class LdapHook(BaseHook):
    """Opens a connection to the directory of an Airflow connection.

    Args:
        ldap_conn_id: the connection.
    """

    conn_name_attr = "ldap_conn_id"
    default_conn_name = "ldap_default"
    conn_type = "ldap"
    hook_name = "LDAP directory"

    def __init__(self, ldap_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.ldap_conn_id = ldap_conn_id

    def get_conn(self) -> SimpleLDAPObject:
        """Return a logged-in python-ldap connection, protected as the Airflow connection says; close it with
        `unbind_s`.

        Raises EndpointError that says what is wrong and what to do about it.
        """
        from directory_sync.endpoints.ldap.session import connect

        return connect(self._settings())

    def test_connection(self) -> tuple[bool, str]:
        """Log in and ask the server what it is.

        Returns whether that went well, and what was found or what is wrong.
        """
        from directory_sync.endpoints.ldap.trial import try_connection

        try:
            settings = self._settings()
            server = try_connection(settings).root
        except EndpointError as error:
            return False, str(error)
        contexts = "; ".join(server.naming_contexts) or "none that this login may see"
        facts = [
            f"Logged in to {settings.uri} as {settings.login or 'anonymous'}.",
            f"Flavour: {server.flavour.value}{f' ({server.vendor})' if server.vendor else ''}.",
            f"Naming contexts: {contexts}.",
            *settings.warnings,
        ]
        return True, " ".join(facts)

    def _settings(self) -> LdapSettings:
        from directory_sync.endpoints.ldap.connection import read_settings

        return read_settings(AirflowConnections().get(self.ldap_conn_id))
