"""The table of all settings: the options of the config section `directory_sync`.

How they are read stands in `reading`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SECTION = "directory_sync"


@dataclass(frozen=True, slots=True)
class Option:
    """One option of the config section.

    Attributes:
        name: key in `airflow.cfg`; the environment variable is `AIRFLOW__DIRECTORY_SYNC__` and the name in
            capitals.
        description: for people; whole sentences.
        default: as it would be written in `airflow.cfg`; `{AIRFLOW_HOME}` stands for Airflow's home folder.
        type: as Airflow's config documentation names it. Durations are strings.
        example: a value that works, where the default does not show one.
        version_added: the first release that has the option.
        sensitive: never shown; may also come from a command (`…_cmd`) or a secrets backend (`…_secret`).
    """

    name: str
    description: str
    default: str
    type: Literal["string", "boolean", "integer", "float"] = "string"
    example: str | None = None
    version_added: str = "0.1.0"
    sensitive: bool = False

    @property
    def environment_variable(self) -> str:
        """The environment variable that sets this option."""
        return f"AIRFLOW__{SECTION.upper()}__{self.name.upper()}"


OPTIONS: tuple[Option, ...] = (
    Option(
        name="database_url",
        description=(
            "SQLAlchemy URL of the store: runs, plans, changes, outcomes and leases. A SQLite file is enough"
            " for one machine; "
            "use PostgreSQL when workers run on several. `airflow db migrate` or `directory-sync db upgrade`"
            " creates its tables."
        ),
        default="sqlite:///{AIRFLOW_HOME}/directory_sync.db",
        example="postgresql+psycopg2://directory_sync:secret@db.example/directory_sync",
        sensitive=True,
    ),
    Option(
        name="data_folder",
        description=(
            "Folder of the files that jobs read and write. Paths in definitions are relative to it, and may"
            " not leave it."
        ),
        default="{AIRFLOW_HOME}/directory_sync",
        example="/srv/directory_sync",
    ),
    Option(
        name="collections_folder",
        description="Folder of the definition files. Empty: the folder `collections` next to the DAG file.",
        default="",
        example="/opt/airflow/dags/collections",
    ),
    Option(
        name="templates_folder",
        description=(
            "Folder with your own templates: of jobs and collections, in `jobs/` and `collections/`, and of"
            " mails, in `mail/`. "
            "Empty: the folder `include/templates` next to the DAG folder, if there is one."
        ),
        default="",
        example="/opt/airflow/include/templates",
    ),
    Option(
        name="script_modules",
        description=(
            "Python modules whose functions definitions may call with `script:`, separated by commas. Empty:"
            " none."
        ),
        default="",
        example="transforms, corp.badges",
    ),
    Option(
        name="plan_max_age",
        description=(
            "How long a retried job may go on with the plan it has stored, for example `6h`. After that it"
            " makes a new plan."
        ),
        default="6h",
    ),
    Option(
        name="lease_duration",
        description=(
            "How long a job's lease on a part of a destination lasts after the job's process is gone, for"
            " example `60s`. The process renews it while it works."
        ),
        default="60s",
    ),
    Option(
        name="lease_wait",
        description=(
            "How long a job waits, without occupying a worker, for another run that works on the same part of"
            " a destination. Then it fails and names that run."
        ),
        default="1h",
    ),
    Option(
        name="logged_changes",
        description=(
            "How many changes a job's task log shows one by one; the rest is summed up. All of them are in"
            " the store."
        ),
        default="1000",
        type="integer",
    ),
    Option(
        name="approval_minimum",
        description=(
            "Approval policy that applies to every job of this deployment, as under `approval:` in a"
            " definition (YAML or JSON on "
            "one line). Definitions can tighten it, never loosen it. Empty: none."
        ),
        default="",
        example="{approvers: {roles: [Directory Approvers]}, changes: [delete], self_approval: forbid}",
    ),
    Option(
        name="administrator_roles",
        description=(
            "Roles whose members see the list of all requests, may cancel requests of others, and are asked"
            " to waive limits of "
            "jobs without an approval policy, separated by commas. Otherwise these roles do not let them"
            " approve anything."
        ),
        default="Admin, admin",
        example="Admin, Directory Operators",
    ),
    Option(
        name="collection_roles",
        description=(
            "Roles whose members may create, edit, delete and import saved collections, separated by commas."
            " Owners may edit and delete their own. Empty: the administrator roles."
        ),
        default="",
        example="Directory Editors, Admin",
    ),
    Option(
        name="connection_rules",
        description=(
            "YAML or JSON file that says which collections may use which connections, for which object types,"
            " and which fields are never written. If it cannot be read, nothing runs. Empty: no rules; only"
            " administrators choose connections for saved collections."
        ),
        default="",
        example="/opt/airflow/include/connection_rules.yaml",
    ),
    Option(
        name="endpoint_access",
        description=(
            "Where pages look at directories and files when someone writes a definition (*Test*, trees,"
            " samples, counts): `api_server`, or `worker` if Airflow's API server does not reach them. Empty:"
            " `api_server` with the LocalExecutor, otherwise `worker`. Workers take no looks in this version:"
            " pages then say so, and everything can be typed."
        ),
        default="",
        example="worker",
    ),
    Option(
        name="gate_poll_interval",
        description=(
            "Seconds between two queries for the state of the requests that tasks wait for. A triggerer asks"
            " for all of its tasks at once."
        ),
        default="5",
        type="float",
    ),
    Option(
        name="upkeep_interval",
        description=(
            "How often the DAG `directory_sync.upkeep` runs, for example `5m`. It lets requests expire, asks"
            " the next approvers, and sends mail that could not be sent before."
        ),
        default="5m",
    ),
    Option(
        name="request_retention",
        description=(
            "How long requests for approval are kept after they have ended (applied, denied, expired,"
            " cancelled or stale), for "
            "example `730d`. Then they are deleted with their history: who asked, who decided. Runs, plans"
            " and outcomes stay. Empty: keep indefinitely."
        ),
        default="",
        example="730d",
    ),
    Option(
        name="mail_connection",
        description=(
            "Airflow connection of the type SMTP through which mail about requests and runs is sent. Mails"
            " link to the page of their request or run if `[api] base_url` says where Airflow is. Empty: no"
            " mail. When it is set later, what happened in the last 7 days is mailed."
        ),
        default="",
        example="smtp_default",
    ),
    Option(
        name="mail_from",
        description=("Sender of mail. Empty: `from_email` in the extra of the mail connection."),
        default="",
        example="Directory Sync <directory-sync@corp.example>",
    ),
    Option(
        name="mail_domain",
        description=(
            "Mail domain of users whose name holds no `@` and who have no address in the people directory."
            " Empty: those users get no mail; the request's history says so."
        ),
        default="",
        example="corp.example",
    ),
    Option(
        name="role_addresses",
        description=(
            "Mail addresses of roles, `role=address`, separated by commas. An address gets the mail for"
            " everyone who has the role. Other roles get no mail."
        ),
        default="",
        example="Directory Approvers=approvers@corp.example, Admin=it@corp.example",
    ),
    Option(
        name="notification_domains",
        description=(
            "Mail domains of the addresses that collections may name for mail about their runs, separated by"
            " commas. Such mail says which objects are in error and why, so name yours where people other"
            " than administrators edit collections. Empty: any domain."
        ),
        default="",
        example="corp.example, partner.example",
    ),
    Option(
        name="people_connection",
        description=(
            "Airflow connection of the directory in which users are looked up: their mail address, and their"
            " manager where "
            "a request escalates to `manager`. User names in it have to be spelled as Airflow knows them."
            " Empty: none."
        ),
        default="",
        example="corp_ad",
    ),
    Option(
        name="people_base",
        description=(
            "Container in which users are looked up, with everything below it. Only entries in this container"
            " can be managers. Ambiguous names are ignored."
        ),
        default="",
        example="OU=People,DC=corp,DC=example",
    ),
    Option(
        name="people_name",
        description="Attribute that holds a user's name as Airflow knows it.",
        default="uid",
        example="sAMAccountName",
    ),
    Option(
        name="people_mail",
        description="Attribute that holds a user's mail address.",
        default="mail",
    ),
    Option(
        name="people_manager",
        description="Attribute that holds the DN of a user's manager.",
        default="manager",
    ),
)

BY_NAME = {option.name: option for option in OPTIONS}
