"""What each finding is called, and what to do about it: one entry for each code.

`{fact}` is a fact, `{fact!q}` quoted for a shell, and `{fact: text @}` the text with the fact in place of `@`
where it is not empty. `telling` fills them in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from directory_sync.doctor.codes import Code


@dataclass(frozen=True, slots=True)
class Words:
    """How a finding is told.

    Attributes:
        text: what was found.
        do: what to do about it; empty if nothing.
        lines: commands to run or lines to add, to be copied as they are.
    """

    text: str
    do: str = ""
    lines: tuple[str, ...] = ()


def _w(text: str, do: str = "", *lines: str) -> Words:
    return Words(text, do, lines)


_DAG_FILE = (
    "mkdir -p {folder!q}/collections && cat >{folder!q}/job_collections.py <<'END'",
    '"""One DAG for each definition in the folder collections, and one for upkeep. airflow dag"""',
    "from pathlib import Path",
    "",
    "from directory_sync.airflow.dag_factory import build_dags",
    "from directory_sync.airflow.upkeep_dag import upkeep_dags",
    "from directory_sync.settings import collections_folder",
    "",
    "globals().update(build_dags(collections_folder(beside=Path(__file__))) | upkeep_dags())",
    "END",
)
_INSTALL = "{program!q} -m pip install airflow-directory-sync"
_UPGRADE = "directory-sync db upgrade"
_CONNECTION_TEST = "directory-sync doctor --connection {connection!q}"

WORDS: Mapping[Code, Words] = {
    # -- installation
    Code.PYTHON_SUPPORTED: _w("Python {version} is supported."),
    Code.PYTHON_UNSUPPORTED: _w(
        "Python {version} ({program}) is not supported: {needed} is needed.",
        "Install Airflow and this package into an environment with a supported Python.",
    ),
    Code.AIRFLOW_SUPPORTED: _w("Airflow {version} is supported."),
    Code.AIRFLOW_UNSUPPORTED: _w(
        "Airflow {version} is not supported: {needed} is needed.",
        "Install a supported version of Airflow, or the version of this package that supports yours.",
        "pip install 'apache-airflow{needed}'",
    ),
    Code.AIRFLOW_MISSING: _w(
        "Airflow is not installed for {program}.",
        "Use the environment that Airflow runs in, or install Airflow:",
        "{program!q} -m pip install 'apache-airflow{needed}'",
    ),
    Code.PACKAGE_REGISTERED: _w("The package {version} is installed, with its provider and plugin."),
    Code.PACKAGE_NOT_INSTALLED: _w(
        "The package is on Python's path, but is not installed for {program}, so Airflow finds neither its"
        " connection type nor its plugin.",
        "Install it:",
        _INSTALL,
    ),
    Code.PACKAGE_OTHER_VERSION: _w(
        "Version {installed} is installed, but {running} is what runs: Python finds another copy first.",
        "Remove the other copy from Python's path (PYTHONPATH, the DAG and plugin folders), or install"
        " again:",
        "pip install --force-reinstall --no-deps airflow-directory-sync",
    ),
    Code.ENTRY_POINT_MISSING: _w(
        "The installed package has no entry point {entry_point}, by which Airflow finds it.",
        "Install it again:",
        "{program!q} -m pip install --force-reinstall --no-deps airflow-directory-sync",
    ),
    Code.PROVIDER_KNOWN: _w("Airflow can be loaded, and knows the provider and the plugin."),
    Code.PROVIDER_UNKNOWN: _w(
        "Airflow does not list the provider.",
        "Install the package again, restart Airflow, and look at its list:",
        "{program!q} -m pip install --force-reinstall --no-deps airflow-directory-sync",
        "airflow providers list",
    ),
    Code.PLUGIN_BROKEN: _w(
        "The plugin cannot be imported: {error}: {said}",
        "Correct what it says; this shows where it happens:",
        "python -c 'import directory_sync.airflow.plugin'",
    ),
    Code.AIRFLOW_UNUSABLE: _w(
        "Airflow cannot be loaded: {error}: {said}",
        "Correct Airflow's configuration until this command works:",
        "airflow version",
    ),
    Code.NO_HOME: _w("Not checked, because there is no folder {home} yet."),
    # -- configuration
    Code.CONFIG_READ: _w("{file} can be read."),
    Code.CONFIG_ABSENT: _w("There is no {file}: the environment and defaults apply."),
    Code.CONFIG_NO_FILE: _w(
        "{file} is not a file.", "Move it away, or let AIRFLOW_CONFIG name Airflow's configuration file."
    ),
    Code.CONFIG_NO_TEXT: _w(
        "{file} is not a text in UTF-8 (byte {place}).", "Save it in UTF-8, or restore it from a backup."
    ),
    Code.CONFIG_UNREADABLE: _w(
        "{file} cannot be read: {reason}.",
        "Let the user that Airflow runs as read it:",
        'chown "$USER" {file!q} && chmod 600 {file!q}',
    ),
    Code.CONFIG_MALFORMED: _w(
        "{file} is not a configuration file: see line {line}.",
        "Correct that line. Each line is [section], key = value, a comment, or indented to go on with the"
        " line"
        " before it.",
    ),
    Code.KEYS_KNOWN: _w("All keys of [directory_sync] are known ({count} given)."),
    Code.KEY_MISSPELT: _w(
        "{key} in {place} is not a setting of [directory_sync], so it has no effect.",
        "Rename it:",
        "{right}",
    ),
    Code.KEY_UNKNOWN: _w(
        "{key} in {place} is not a setting of [directory_sync], so it has no effect.",
        "Remove it, or see docs/settings.md for the right name.",
    ),
    Code.KEY_TAKES_NO_COMMAND: _w(
        "{key} in {place} has no effect: only sensitive settings may come from a command or a secrets"
        " backend.",
        "Write the value itself, in {right}.",
    ),
    Code.SECTION_MISSPELT: _w("{name} in {place} has no effect.", "Rename it:", "{right}"),
    Code.SETTINGS_READ: _w("All {count} settings can be used."),
    Code.SETTING_WRONG: _w("{said}"),
    Code.NEEDS_SETTING: _w("Not checked, because of a setting. {said}"),
    Code.ADDRESS_SET: _w("Airflow's address is set ([api] base_url, host {host})."),
    Code.ADDRESS_MISSING: _w(
        "[api] base_url is not set, so mails have no link to the page of their request.",
        "Add the address that people open in a browser to airflow.cfg:",
        "[api]",
        "base_url = https://airflow.example.com",
    ),
    Code.ADDRESS_WRONG: _w(
        "[api] base_url is not an address that begins with http:// or https://.",
        "Write the address that people open in a browser:",
        "[api]",
        "base_url = https://airflow.example.com",
    ),
    Code.ADDRESS_LOCAL: _w(
        "[api] base_url names {host}, so links in mails work on this machine only.",
        "Write the address that people open in a browser:",
        "[api]",
        "base_url = https://airflow.example.com",
    ),
    # -- folders
    Code.HOME_MISSING: _w(
        "AIRFLOW_HOME is {folder}, which does not exist: Airflow has never run there as {user}.",
        "Set AIRFLOW_HOME to the home folder of your Airflow, and run this command as the user that Airflow"
        " runs as:",
        "export AIRFLOW_HOME=/path/to/airflow",
    ),
    Code.FOLDER_FINE: _w("{what}: {folder}"),
    Code.FOLDER_MISSING: _w(
        "{what}: the folder {folder} does not exist.",
        "Create it, or name another one:",
        "mkdir -p {folder!q}",
    ),
    Code.FOLDER_UNREACHABLE: _w(
        "{what}: {folder} cannot be looked at: {reason}.",
        "Give {user} the right to enter the folders above it, or name another folder.",
    ),
    Code.NOT_A_FOLDER: _w(
        "{what}: {folder} is not a folder.",
        "Move what is there away and create it, or name another folder:",
        "mv {folder!q} {folder!q}.old && mkdir {folder!q}",
    ),
    Code.FOLDER_UNREADABLE: _w(
        "{what}: {user} may not read {folder}.",
        "Give that user the right to:",
        "chmod u+rx {folder!q}",
        "chown {user!q} {folder!q}",
    ),
    Code.FOLDER_UNWRITABLE: _w(
        "{what}: {user} may not write to {folder}.",
        "Give that user the right to:",
        "chown {user!q} {folder!q}",
        "chmod u+rwx {folder!q}",
    ),
    Code.FOLDER_OPEN: _w(
        "{what}: every user of this machine may write to {folder}.",
        "Let only its owner write to it:",
        "chmod o-w {folder!q}",
    ),
    Code.FILE_OPEN: _w(
        "Other users of this machine may read {file} (mode {mode}).", "Close it:", "chmod 600 {file!q}"
    ),
    Code.FILE_CLOSED: _w("Only its owner may read {file}."),
    Code.STORE_ON_NETWORK: _w(
        "The store {file} is on a network file system ({kind}), where SQLite's locks do not work.",
        "Move it to a local disk and set database_url, or use PostgreSQL: see docs/deployment.md, Store.",
    ),
    Code.DISK_NEARLY_FULL: _w("Only {free} MB are free in {folder}.", "Make room on that disk."),
    Code.NO_TEMPLATES: _w("There is no folder with templates of your own."),
    # -- store
    Code.STORE_FINE: _w("The {store} answers and has the tables of this version (revision {revision})."),
    Code.STORE_MISSING: _w("The {store} does not exist yet.", "Create it:", _UPGRADE),
    Code.STORE_EMPTY: _w("The {store} has no tables yet.", "Create them:", _UPGRADE),
    Code.STORE_OLD: _w(
        "The {store} has the tables of an older version (revision {revision}, needed {needed}).",
        "Back it up, stop Airflow, and migrate it, with an account that owns the tables:",
        _UPGRADE,
    ),
    Code.STORE_NEW: _w(
        "The {store} has the tables of a newer version (revision {revision}, known up to {needed}).",
        "Install the newer version here too:",
        "pip install --upgrade airflow-directory-sync",
    ),
    Code.STORE_IS_FOLDER: _w(
        "The {store} is a folder, not a file.", "Let database_url name a file in it, or move the folder away."
    ),
    Code.STORE_READ_ONLY: _w(
        "{user} may not write to the store {file}.",
        "Give the file to the user that Airflow runs as:",
        "chown {user!q} {file!q}",
    ),
    Code.STORE_UNREACHABLE: _w("{said}"),
    Code.STORE_FILE_UNREACHABLE: _w(
        "The {store} cannot be looked at: {reason}.",
        "Run this command as the user that Airflow runs as, or correct the setting database_url.",
    ),
    Code.STORE_NOT_READY: _w("Rights and leftovers were not checked, because the store cannot be used yet."),
    Code.STORE_NOT_SHARED: _w(
        "The {store} is a file of this machine, but {executor} runs tasks on several machines.",
        "Use PostgreSQL, and set this wherever Airflow runs (see docs/deployment.md, Store):",
        "AIRFLOW__DIRECTORY_SYNC__DATABASE_URL=postgresql://directory_sync:PASSWORD@HOST/directory_sync",
    ),
    Code.STORE_RIGHTS_FINE: _w("The account {user} may read and write all tables."),
    Code.STORE_RIGHTS_MISSING: _w(
        "The account {user} may not read and write all tables of the {store}: {tables}.",
        "As the owner of the tables, run in psql:",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {user};",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {user};",
    ),
    Code.CLOCK_FINE: _w("The clocks of the store and this machine differ by {seconds} s."),
    Code.CLOCK_DIFFERS: _w(
        "The clocks of the store's database and this machine differ by {seconds} s, so times of runs and logs"
        " do not fit together.",
        "Synchronise both machines:",
        "timedatectl set-ntp true",
    ),
    Code.NOTHING_LEFT_OPEN: _w("No process that is gone has left anything open."),
    Code.LEFT_OPEN: _w(
        "Processes that are gone have left open: plans {plans}, attempts {attempts}, runs {runs} ({names}).",
        "The next run or the upkeep DAG settles them. To do it now; it writes to no directory:",
        "directory-sync db settle",
    ),
    # -- definitions
    Code.DEFINITIONS_READ: _w("{usable} of {count} definitions in {folder} can be used."),
    Code.DEFINITIONS_UNREADABLE: _w("{said}"),
    Code.NO_DEFINITIONS: _w(
        "There is no definition (*.yaml, *.yml, *.json) in {folder}.",
        "Write one (docs/tutorial.md), or let the setting collections_folder name the right folder:",
        "[directory_sync]",
        "collections_folder = /path/to/collections",
    ),
    Code.DEFINITION_BROKEN: _w(
        "{file} cannot be used (problems: {count}).",
        "Correct it; this shows all problems:",
        "directory-sync validate {file!q}",
    ),
    Code.DEFINITION_DOUBTFUL: _w(
        "{file} can be used, with warnings ({count}).",
        "This shows them all:",
        "directory-sync validate {file!q}",
    ),
    Code.SAVED_READ: _w("{usable} of {count} saved collections can be used."),
    Code.SAVED_BROKEN: _w(
        "The saved collection {name} (version {number}) cannot be used (problems: {count}).",
        "Correct it, or restore an earlier version of it.",
    ),
    Code.SAVED_DOUBTFUL: _w(
        "The saved collection {name} (version {number}) can be used, with warnings ({count}).",
        "Look at them when you edit it next.",
    ),
    Code.NAME_TWICE: _w(
        "The name {name} belongs to a saved collection, and to the file {file}.",
        "Rename or remove one of them.",
    ),
    Code.SCRIPT_MODULE_FOUND: _w("Python finds the module {module}."),
    Code.SCRIPT_MODULE_MISSING: _w(
        "script_modules names {module}, which Python does not find.",
        "Install it here and on every worker, or put its folder on PYTHONPATH:",
        "python -c 'import {module}'",
    ),
    # -- airflow
    Code.BUNDLES_UNREADABLE: _w(
        "[dag_processor] dag_bundle_config_list cannot be used: {reason}.",
        "Write a list such as this, in JSON:",
        "[dag_processor]",
        "dag_bundle_config_list = {list}",
    ),
    Code.DAG_FILE_FOUND: _w("The DAG file is {file}."),
    Code.DAG_FILE_MISSING: _w(
        "No file in {folder} makes DAGs of your collections.", "Create the DAG file:", *_DAG_FILE
    ),
    Code.NO_DAG_FOLDER: _w(
        "No DAG bundle is a folder, so nothing makes DAGs of your definition files.",
        "Add a bundle of the class airflow.dag_processing.bundles.local.LocalDagBundle to [dag_processor]"
        " dag_bundle_config_list.",
    ),
    Code.DAG_FILE_UNTOLD: _w(
        "Whether the bundles {bundles} hold a DAG file of this package cannot be seen from here."
    ),
    Code.SAVED_BUNDLE_LISTED: _w("Airflow reads the collections that are saved in the portal."),
    Code.SAVED_BUNDLE_LATE: _w(
        "After an edit of a saved collection, Airflow goes on with the old tasks for up to {seconds} s: a"
        " run that is started meanwhile may fail.",
        "Set this in {file}, or as an environment variable, wherever Airflow runs:",
        "[core]",
        "min_serialized_dag_update_interval = 0",
        "# or: {variable}=0",
    ),
    Code.SAVED_BUNDLE_NO_LIST: _w(
        "Airflow does not read the collections that are saved in the portal.",
        "Write this into {file}, in place of what dag_bundle_config_list is there, and restart Airflow:",
        "[dag_processor]",
        "dag_bundle_config_list = {list}",
        "# or, wherever Airflow runs, as an environment variable:",
        "{variable}='{list}'",
    ),
    Code.SAVED_BUNDLE_NO_VARIABLE: _w(
        "Airflow does not read the collections that are saved in the portal.",
        "Set this variable wherever Airflow runs, in place of its present value, and restart Airflow:",
        "{variable}='{list}'",
    ),
    Code.SAVED_WITHOUT_BUNDLE: _w(
        "{count} saved collections do not run: Airflow does not read them ({names})."
    ),
    Code.SAVED_BUNDLE_NOT_LISTED: _w(
        "Airflow does not read the collections that are saved in the portal.",
        "Add this entry to the list [dag_processor] dag_bundle_config_list (in {place}), and restart the DAG"
        " processor, the scheduler and the workers:",
        "{entry}",
    ),
    Code.SAVED_BUNDLE_MISSPELT: _w(
        "[dag_processor] dag_bundle_config_list names the class {wrong}, which does not exist.",
        "Write instead:",
        '"classpath": "{right}"',
    ),
    Code.SAVED_BUNDLE_UNKNOWN: _w(
        "[dag_processor] dag_bundle_config_list names the bundle of saved collections, which this version"
        " does"
        " not have.",
        "Upgrade the package, or take that entry out of the list:",
        "pip install --upgrade airflow-directory-sync",
    ),
    Code.SAVED_BUNDLE_NOT_YET: _w("This version has no collections that are saved in the portal."),
    Code.METADATA_READ: _w("Airflow's database answers ({database})."),
    Code.METADATA_NONE_HERE: _w(
        "What Airflow knows was not checked: this process has no way to Airflow's database, as on workers."
        " Run"
        " the command where the API server or the scheduler runs."
    ),
    Code.METADATA_FILE_MISSING: _w(
        "Airflow's database {file} does not exist.",
        "Create it, or correct [database] sql_alchemy_conn:",
        "airflow db migrate",
    ),
    Code.METADATA_EMPTY: _w(
        "Airflow's database has no tables ({database}).", "Create them:", "airflow db migrate"
    ),
    Code.METADATA_URL_WRONG: _w(
        "[database] sql_alchemy_conn is not a database URL.",
        "Write one, and percent-encode the password in it:",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=postgresql+psycopg2://USER:PASSWORD@HOST/airflow",
    ),
    Code.METADATA_URL_UNTOLD: _w(
        "[database] sql_alchemy_conn cannot be obtained from its command or secrets backend ({error}).",
        "This shows why:",
        "airflow config get-value database sql_alchemy_conn",
    ),
    Code.METADATA_DRIVER: _w(
        "The driver of {database} cannot be used ({error}).",
        "Install it, for PostgreSQL with:",
        "pip install 'airflow-directory-sync[postgres]'",
    ),
    Code.METADATA_UNREACHABLE: _w(
        "Airflow's database cannot be asked ({database}): {said}",
        "See that the server runs, and that [database] sql_alchemy_conn names it, the database and the user"
        " rightly:",
        "airflow db check",
    ),
    Code.DAG_FILE_BROKEN: _w(
        "Airflow cannot read the DAG file {file} (bundle {bundle}): {reason}",
        "Correct the cause; this shows all of it:",
        "airflow dags list-import-errors",
    ),
    Code.DAGS_KNOWN: _w("Airflow knows the DAGs of all {count} collections; {paused} are switched off."),
    Code.DAGS_UNKNOWN: _w(
        "Airflow has no DAG for {count} collections: {names}.",
        "See that the DAG processor runs and reads the same folder. This reads it at once, and says what is"
        " wrong:",
        "airflow dags reserialize",
        "airflow dags list-import-errors",
    ),
    Code.DAGS_STALE: _w(
        "The DAGs of {count} collections are in Airflow, but its DAG processor no longer finds them:"
        " {names}.",
        "See that the DAG processor runs with the same DAG folder and the same settings as here. This reads"
        " the folder at once:",
        "airflow dags reserialize",
    ),
    Code.UPKEEP_ON: _w("The DAG {dag} is switched on."),
    Code.UPKEEP_PAUSED: _w(
        "The DAG {dag} is switched off, so requests do not expire or escalate and unsent mail stays unsent.",
        "Switch it on:",
        "airflow dags unpause {dag}",
    ),
    Code.UPKEEP_NOT_READ: _w(
        "Airflow has not read the DAG {dag} from {file} yet.",
        "See that the DAG processor runs. This reads the file at once, and says what is wrong with it:",
        "airflow dags reserialize",
        "airflow dags list-import-errors",
    ),
    Code.UPKEEP_UNTOLD: _w("The DAG {dag} is not there, because no DAG file was found."),
    Code.UPKEEP_MISSING: _w(
        "Airflow has no DAG {dag}, so requests do not expire or escalate and unsent mail stays unsent.",
        "Add these lines to {file}, and see that the DAG processor runs:",
        "from directory_sync.airflow.upkeep_dag import upkeep_dags",
        "globals().update(upkeep_dags())",
    ),
    Code.PROCESS_ALIVE: _w("A {process} is running (sign of life {seconds} s ago)."),
    Code.NOTHING_RUNS: _w(
        "Airflow is not running: there is neither a scheduler, nor a DAG processor, nor a triggerer.",
        "Start all of it on this machine, to try it; or each by itself, and let systemd or Compose keep it"
        " running:",
        "airflow standalone",
        "# or: airflow api-server, airflow scheduler, airflow dag-processor, airflow triggerer",
    ),
    Code.PROCESS_NOT_RUNNING: _w(
        "No {process} is running.",
        "Start it, and let systemd or Compose keep it running:",
        "airflow {process}",
    ),
    Code.PROCESS_SILENT: _w(
        "The {process} has given no sign of life for {minutes} minutes.",
        "See its log, and start it again:",
        "airflow {process}",
    ),
    # -- mail
    Code.MAIL_OFF: _w(
        "No mail is sent: the setting mail_connection is empty. To send mail, create a connection of the type"
        " SMTP and name it there."
    ),
    Code.MAIL_CONNECTION_MISSING: _w(
        "There is no connection {connection} here, which mail_connection names.",
        "Create it under Admin → Connections (type SMTP), or set this where tasks run; if it is set there"
        " already, run this command there:",
        """{variable}='{{"conn_type": "smtp", "host": "mail.example.com", "port": 465, """
        """"login": "directory-sync", "password": "..."}}'""",
    ),
    Code.MAIL_CONNECTION_WRONG: _w("The mail connection cannot be used. {said}"),
    Code.MAIL_CONNECTION_TYPE: _w(
        "The mail connection {connection} is of the type {type}, not smtp.",
        "Change its type under Admin → Connections, or let the setting mail_connection name another one.",
    ),
    Code.MAIL_NO_HOST: _w(
        "The mail connection {connection} names no host.", "Enter the mail server under Admin → Connections."
    ),
    Code.MAIL_CONTEXT_WRONG: _w(
        "ssl_context in the extra of the mail connection {connection} is neither default nor none.",
        "Remove it, so that certificates are verified.",
    ),
    Code.MAIL_SENDER_MISSING: _w(
        "No one is named as the sender of mail.",
        "Set it (or from_email in the extra of {connection}):",
        "[directory_sync]",
        "mail_from = Directory Sync <directory-sync@example.com>",
    ),
    Code.MAIL_SENDER_WRONG: _w(
        "The sender of mail, {sender}, is not a mail address.",
        "Set one:",
        "[directory_sync]",
        "mail_from = Directory Sync <directory-sync@example.com>",
    ),
    Code.MAIL_NOT_VERIFIED: _w(
        "The certificate of the mail server {server} is not verified: ssl_context is none in the connection"
        " {connection}.",
        "Remove ssl_context from its extra, and let the system trust the authority of that server.",
    ),
    Code.MAIL_IN_CLEAR: _w(
        "Mail, and the login to {server}, cross the network in clear: the connection {connection} has"
        " disable_ssl and disable_tls.",
        "Set disable_tls to false in its extra, if the server offers STARTTLS.",
    ),
    Code.MAIL_SERVER_FINE: _w("The mail server {server} answers and accepts the login {login}."),
    Code.MAIL_CERTIFICATE: _w(
        "The certificate of the mail server {server} was refused: {reason}.",
        "Use the name that the certificate was issued for as the host of the connection {connection}, and add"
        " its authority to those that the system trusts:",
        "cp authority.pem /usr/local/share/ca-certificates/mail.crt && update-ca-certificates",
    ),
    Code.MAIL_TLS_AT_ONCE: _w(
        "The mail server {server} does not speak TLS from the start ({reason}).",
        "Use its port for that (465), or let the connection {connection} use STARTTLS, with this in its"
        " extra:",
        '{{"disable_ssl": true}}',
    ),
    Code.MAIL_TLS: _w(
        "TLS could not be agreed upon with the mail server {server}: {reason}.",
        "See its log; it must offer TLS 1.2 or newer.",
    ),
    Code.MAIL_NO_STARTTLS: _w(
        "The mail server {server} does not offer STARTTLS.",
        "Use a port that does (587), or TLS from the start (port 465), with this in the extra of"
        " {connection}:",
        '{{"disable_ssl": false}}',
    ),
    Code.MAIL_NO_LOGIN: _w(
        "The mail server {server} takes no login here.",
        "Remove login and password from the connection {connection}, or use the port for clients (587 or"
        " 465).",
    ),
    Code.MAIL_SILENT: _w(
        "The mail server {server} does not answer within {seconds} s.",
        "See that host and port of the connection {connection} are right, that port 465 goes with TLS from"
        " the"
        " start and 25 or 587 with disable_ssl, and that no firewall is in between.",
    ),
    Code.MAIL_REFUSED: _w("{server}: {said}"),
    Code.MAIL_ADDRESS_WRONG: _w("{to} is not a mail address.", "Give --send-mail an address."),
    Code.MAIL_SENT: _w("A mail was sent to {to}. See whether it arrives."),
    Code.MAIL_NOT_SENT: _w("No mail could be sent to {to}. {said}"),
    Code.MAIL_SETTINGS_UNUSED: _w(
        "mail_domain and role_addresses have no effect, because mail_connection is empty.",
        "Name the connection of your mail server:",
        "[directory_sync]",
        "mail_connection = smtp_default",
    ),
    Code.MAIL_TEMPLATES_FINE: _w("Your own mail templates in {folder} can be used."),
    Code.MAIL_TEMPLATE_WRONG: _w("{said}"),
    # -- connections
    Code.NO_CONNECTIONS: _w("No definition that can be used names a directory."),
    Code.CONNECTION_FINE: _w(
        "{connection}: logged in to {server} as {login}; flavour {flavour}; it holds {contexts}."
    ),
    Code.CONNECTION_MISSING: _w(
        "There is no connection {connection} here.",
        "Create it under Admin → Connections (type LDAP directory), or set this where tasks run; if it is set"
        " there already, run this command there:",
        "{variable}="
        """'{{"conn_type": "ldap", "host": "ldap.example.com", "login": "cn=sync,dc=example", """
        """"password": "...", "extra": {{"ca_certificate": "/path/to/ca.pem"}}}}'""",
    ),
    Code.CONNECTION_WRONG: _w("{said}", "{remedy}", _CONNECTION_TEST),
    Code.CONNECTION_TYPE: _w(
        "Connection {connection} is of the type {type}, not ldap.",
        "Change its type to LDAP directory under Admin → Connections, or name another connection.",
    ),
    Code.CONNECTION_SILENT: _w(
        "Connection {connection} gave no answer within {seconds} s.",
        "See that host and port are right, that the name service answers, and that no firewall is in"
        " between.",
    ),
    Code.CONNECTION_ODD: _w(
        "Connection {connection} cannot be tested ({error}).",
        "Please report this, with -vv:",
        _CONNECTION_TEST,
    ),
    Code.CONNECTION_DOUBTFUL: _w("{said}"),
    Code.NO_PAGING: _w(
        "Connection {connection}: {server} does not offer paged results (RFC 2696), so listings can never be"
        " shown to be complete.",
        "Let the server offer the control 1.2.840.113556.1.4.319 to this login.",
    ),
    Code.CONTAINER_MISSING: _w(
        "Connection {connection}: {container} does not exist, or {login} may not see it.",
        "Correct the container in the definition, create it, or let that login read it. If a job creates it,"
        " all is well.",
    ),
    Code.PEOPLE_OFF: _w("No people directory is set (people_connection)."),
    Code.PEOPLE_FINE: _w("The people directory {connection} answers; there are people below {base}."),
    Code.PEOPLE_UNREACHABLE: _w("People directory: {said}", "{remedy}", _CONNECTION_TEST),
    Code.PEOPLE_BASE_MISSING: _w(
        "The people directory {connection} has no container {base}, or the login may not see it.",
        "Correct the setting:",
        "[directory_sync]",
        "people_base = OU=People,DC=example,DC=com",
    ),
    Code.PEOPLE_NOT_SEARCHED: _w(
        "The people directory {connection} refuses to be searched below {base} ({error}).",
        "Let the login of the connection search that container.",
    ),
    Code.PEOPLE_NONE: _w(
        "The people directory {connection} shows no entry below {base} that has {attribute}.",
        "Name the attribute that holds the user names of Airflow (often uid or sAMAccountName), or let the"
        " login read it:",
        "[directory_sync]",
        "people_name = sAMAccountName",
    ),
    # -- rights
    Code.ADMINISTRATORS_FOUND: _w("Administrators by the roles {roles}: {count}."),
    Code.NO_ADMINISTRATOR_ROLE: _w(
        "None of the roles in administrator_roles exists ({roles}), so no one sees all requests or can"
        " waive a"
        " limit.",
        "Name one of Airflow's roles ({known}):",
        "[directory_sync]",
        "administrator_roles = {right}",
    ),
    Code.NO_ADMINISTRATOR: _w(
        "No one has a role of administrator_roles ({roles}), so no one sees all requests or can waive a"
        " limit.",
        "Give the role to someone, or name another role in administrator_roles.",
    ),
    Code.EDITORS_FOUND: _w("People who may save collections, by the roles {roles}: {count}."),
    Code.NO_EDITOR_ROLE: _w(
        "No one has a role of collection_roles ({roles}), so only owners may save collections, and no one can"
        " create one.",
        "Name one of Airflow's roles ({known}), or leave it empty for the administrators' roles:",
        "[directory_sync]",
        "collection_roles = {right}",
    ),
    Code.NO_RULES: _w(
        "There are no rules of connections (connection_rules): only administrators choose connections of"
        " saved"
        " collections."
    ),
    Code.RULES_KEPT: _w("Collections that keep the rules of connections in {file}: {count}."),
    Code.RULE_BROKEN: _w(
        "{where} breaks the rules of connections in {file}, so it does not run.",
        "Correct the collection or the rules.",
    ),
    Code.ADDRESS_OF_NO_ROLE: _w(
        "role_addresses names the role {role}, which Airflow does not have.{near: Did you mean @?}",
        "Correct it in role_addresses. The roles are {known}.",
    ),
    Code.POLICIES_READ: _w("Approval policies looked at: {count}."),
    Code.NO_APPROVER: _w(
        "{where}: no one could approve{roles:; roles: @}{users:; users: @}.",
        "Give one of the roles to someone, or name others under approvers. Until then requests stay pending.",
    ),
    Code.TOO_FEW_APPROVERS: _w(
        "{where}: {needed} people must agree, but only {able} could.",
        "Give the role to more people, or lower require.",
    ),
    Code.APPROVING_ROLE_UNKNOWN: _w(
        "{where}: Airflow ({manager}) has no role {role}.{near: Did you mean @?}",
        "Correct the name, or create the role.",
    ),
    Code.APPROVING_USER_UNKNOWN: _w(
        "{where}: Airflow ({manager}) knows no user {user}.{near: Did you mean @?}",
        "Correct the name, or add the user to Airflow. Where people log in elsewhere, they are known"
        " after their first login.",
    ),
    Code.NO_USERS_HERE: _w("Roles were not checked: Airflow's database holds no users and roles of FAB."),
    Code.AUTH_MANAGER_UNTOLD: _w("Roles were not checked: {manager} cannot be asked for them."),
    Code.ALL_ARE_ADMINISTRATORS: _w(
        "Roles were not checked: with [core] simple_auth_manager_all_admins everyone is an administrator."
    ),
    # -- the checks themselves
    Code.NO_ANSWER: _w(
        "The check {check} had no answer within {seconds} s.",
        "Something that it asks does not answer: see that servers and network file systems that the settings"
        " name are up. This makes the check alone:",
        "directory-sync doctor --only {group}",
    ),
    Code.CHECKS_DIED: _w(
        "The check {check} was ended from outside.", "Run the command again; if it ends again, report it."
    ),
    Code.CHECK_FAILED: _w("The check {check} failed unexpectedly: {error}: {said}", "Please report it."),
}
