"""Words for findings about connections to directories."""

from __future__ import annotations

from collections.abc import Mapping

from directory_sync.doctor.codes import Code
from directory_sync.doctor.wording.words import Words, words

_CONNECTION_TEST = "directory-sync doctor --connection {connection!q}"

WORDS: Mapping[Code, Words] = {
    Code.NO_CONNECTIONS: words("No definition that can be used names a directory."),
    Code.CONNECTION_FINE: words(
        "{connection}: logged in to {server} as {login}; flavour {flavour}; it holds {contexts}."
    ),
    Code.CONNECTION_MISSING: words(
        "There is no connection {connection} here.",
        "Create it under Admin → Connections (type LDAP directory), or set this where tasks run; if it is set"
        " there already, run this command there:",
        "{variable}="
        """'{{"conn_type": "ldap", "host": "ldap.example.com", "login": "cn=sync,dc=example", """
        """"password": "...", "extra": {{"ca_certificate": "/path/to/ca.pem"}}}}'""",
    ),
    Code.CONNECTION_WRONG: words("{said}", "{remedy}", _CONNECTION_TEST),
    Code.CONNECTION_TYPE: words(
        "Connection {connection} is of the type {type}, not ldap.",
        "Change its type to LDAP directory under Admin → Connections, or name another connection.",
    ),
    Code.CONNECTION_SILENT: words(
        "Connection {connection} gave no answer within {seconds} s.",
        "See that host and port are right, that the name service answers, and that no firewall is in"
        " between.",
    ),
    Code.CONNECTION_ODD: words(
        "Connection {connection} cannot be tested ({error}).",
        "Please report this, with -vv:",
        _CONNECTION_TEST,
    ),
    Code.CONNECTION_DOUBTFUL: words("{said}"),
    Code.NO_PAGING: words(
        "Connection {connection}: {server} does not offer paged results (RFC 2696), so listings can never be"
        " shown to be complete.",
        "Let the server offer the control 1.2.840.113556.1.4.319 to this login.",
    ),
    Code.CONTAINER_MISSING: words(
        "Connection {connection}: {container} does not exist, or {login} may not see it.",
        "Correct the container in the definition, create it, or let that login read it. If a job creates it,"
        " all is well.",
    ),
    Code.PEOPLE_OFF: words("No people directory is set (people_connection)."),
    Code.PEOPLE_FINE: words("The people directory {connection} answers; there are people below {base}."),
    Code.PEOPLE_UNREACHABLE: words("People directory: {said}", "{remedy}", _CONNECTION_TEST),
    Code.PEOPLE_BASE_MISSING: words(
        "The people directory {connection} has no container {base}, or the login may not see it.",
        "Correct the setting:",
        "[directory_sync]",
        "people_base = OU=People,DC=example,DC=com",
    ),
    Code.PEOPLE_NOT_SEARCHED: words(
        "The people directory {connection} refuses to be searched below {base} ({error}).",
        "Let the login of the connection search that container.",
    ),
    Code.PEOPLE_NONE: words(
        "The people directory {connection} shows no entry below {base} that has {attribute}.",
        "Name the attribute that holds the user names of Airflow (often uid or sAMAccountName), or let the"
        " login read it:",
        "[directory_sync]",
        "people_name = sAMAccountName",
    ),
}
