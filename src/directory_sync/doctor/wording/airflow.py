"""Words for findings about what Airflow makes of the deployment."""

from __future__ import annotations

from collections.abc import Mapping

from directory_sync.doctor.codes import Code
from directory_sync.doctor.wording.words import Words, words

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

WORDS: Mapping[Code, Words] = {
    Code.BUNDLES_UNREADABLE: words(
        "[dag_processor] dag_bundle_config_list cannot be used: {reason}.",
        "Write a list such as this, in JSON:",
        "[dag_processor]",
        "dag_bundle_config_list = {list}",
    ),
    Code.DAG_FILE_FOUND: words("The DAG file is {file}."),
    Code.DAG_FILE_MISSING: words(
        "No file in {folder} makes DAGs of your collections.", "Create the DAG file:", *_DAG_FILE
    ),
    Code.NO_DAG_FOLDER: words(
        "No DAG bundle is a folder, so nothing makes DAGs of your definition files.",
        "Add a bundle of the class airflow.dag_processing.bundles.local.LocalDagBundle to [dag_processor]"
        " dag_bundle_config_list.",
    ),
    Code.DAG_FILE_UNTOLD: words(
        "Whether the bundles {bundles} hold a DAG file of this package cannot be seen from here."
    ),
    Code.SAVED_BUNDLE_LISTED: words("Airflow reads the collections that are saved in the portal."),
    Code.SAVED_BUNDLE_LATE: words(
        "After an edit of a saved collection, Airflow goes on with the old tasks for up to {seconds} s: a"
        " run that is started meanwhile may fail.",
        "Set this in {file}, or as an environment variable, wherever Airflow runs:",
        "[core]",
        "min_serialized_dag_update_interval = 0",
        "# or: {variable}=0",
    ),
    Code.SAVED_BUNDLE_NO_LIST: words(
        "Airflow does not read the collections that are saved in the portal.",
        "Write this into {file}, in place of what dag_bundle_config_list is there, and restart Airflow:",
        "[dag_processor]",
        "dag_bundle_config_list = {list}",
        "# or, wherever Airflow runs, as an environment variable:",
        "{variable}='{list}'",
    ),
    Code.SAVED_BUNDLE_NO_VARIABLE: words(
        "Airflow does not read the collections that are saved in the portal.",
        "Set this variable wherever Airflow runs, in place of its present value, and restart Airflow:",
        "{variable}='{list}'",
    ),
    Code.SAVED_WITHOUT_BUNDLE: words(
        "{count} saved collections do not run: Airflow does not read them ({names})."
    ),
    Code.SAVED_BUNDLE_NOT_LISTED: words(
        "Airflow does not read the collections that are saved in the portal.",
        "Add this entry to the list [dag_processor] dag_bundle_config_list (in {place}), and restart the DAG"
        " processor, the scheduler and the workers:",
        "{entry}",
    ),
    Code.SAVED_BUNDLE_MISSPELT: words(
        "[dag_processor] dag_bundle_config_list names the class {wrong}, which does not exist.",
        "Write instead:",
        '"classpath": "{right}"',
    ),
    Code.SAVED_BUNDLE_UNKNOWN: words(
        "[dag_processor] dag_bundle_config_list names the bundle of saved collections, which this version"
        " does not have.",
        "Upgrade the package, or take that entry out of the list:",
        "pip install --upgrade airflow-directory-sync",
    ),
    Code.SAVED_BUNDLE_NOT_YET: words("This version has no collections that are saved in the portal."),
    Code.METADATA_READ: words("Airflow's database answers ({database})."),
    Code.METADATA_NONE_HERE: words(
        "What Airflow knows was not checked: this process has no way to Airflow's database, as on workers."
        " Run the command where the API server or the scheduler runs."
    ),
    Code.METADATA_FILE_MISSING: words(
        "Airflow's database {file} does not exist.",
        "Create it, or correct [database] sql_alchemy_conn:",
        "airflow db migrate",
    ),
    Code.METADATA_EMPTY: words(
        "Airflow's database has no tables ({database}).", "Create them:", "airflow db migrate"
    ),
    Code.METADATA_URL_WRONG: words(
        "[database] sql_alchemy_conn is not a database URL.",
        "Write one, and percent-encode the password in it:",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=postgresql+psycopg2://USER:PASSWORD@HOST/airflow",
    ),
    Code.METADATA_URL_UNTOLD: words(
        "[database] sql_alchemy_conn cannot be obtained from its command or secrets backend ({error}).",
        "This shows why:",
        "airflow config get-value database sql_alchemy_conn",
    ),
    Code.METADATA_DRIVER: words(
        "The driver of {database} cannot be used ({error}).",
        "Install it, for PostgreSQL with:",
        "pip install 'airflow-directory-sync[postgres]'",
    ),
    Code.METADATA_UNREACHABLE: words(
        "Airflow's database cannot be asked ({database}): {said}",
        "See that the server runs, and that [database] sql_alchemy_conn names it, the database and the user"
        " rightly:",
        "airflow db check",
    ),
    Code.DAG_FILE_BROKEN: words(
        "Airflow cannot read the DAG file {file} (bundle {bundle}): {reason}",
        "Correct the cause; this shows all of it:",
        "airflow dags list-import-errors",
    ),
    Code.DAGS_KNOWN: words("Airflow knows the DAGs of all {count} collections; {paused} are switched off."),
    Code.DAGS_UNKNOWN: words(
        "Airflow has no DAG for {count} collections: {names}.",
        "See that the DAG processor runs and reads the same folder. This reads it at once, and says what is"
        " wrong:",
        "airflow dags reserialize",
        "airflow dags list-import-errors",
    ),
    Code.DAGS_STALE: words(
        "The DAGs of {count} collections are in Airflow, but its DAG processor no longer finds them:"
        " {names}.",
        "See that the DAG processor runs with the same DAG folder and the same settings as here. This reads"
        " the folder at once:",
        "airflow dags reserialize",
    ),
    Code.UPKEEP_ON: words("The DAG {dag} is switched on."),
    Code.UPKEEP_PAUSED: words(
        "The DAG {dag} is switched off, so requests do not expire or escalate and unsent mail stays unsent.",
        "Switch it on:",
        "airflow dags unpause {dag}",
    ),
    Code.UPKEEP_NOT_READ: words(
        "Airflow has not read the DAG {dag} from {file} yet.",
        "See that the DAG processor runs. This reads the file at once, and says what is wrong with it:",
        "airflow dags reserialize",
        "airflow dags list-import-errors",
    ),
    Code.UPKEEP_UNTOLD: words("The DAG {dag} is not there, because no DAG file was found."),
    Code.UPKEEP_MISSING: words(
        "Airflow has no DAG {dag}, so requests do not expire or escalate and unsent mail stays unsent.",
        "Add these lines to {file}, and see that the DAG processor runs:",
        "from directory_sync.airflow.upkeep_dag import upkeep_dags",
        "globals().update(upkeep_dags())",
    ),
    Code.PREVIEWS_ON: words("The DAG {dag} is switched on."),
    Code.PREVIEWS_PAUSED: words(
        "The DAG {dag} is switched off, so previews on pages cannot be made.",
        "Switch it on:",
        "airflow dags unpause {dag}",
    ),
    Code.PREVIEWS_NOT_READ: words(
        "Airflow has not read the DAG {dag} yet, so previews on pages cannot be made. The file that makes"
        " {upkeep} makes it, too.",
        "See that the DAG processor runs this version of the package. This reads the file at once:",
        "airflow dags reserialize",
    ),
    Code.PROCESS_ALIVE: words("A {process} is running (sign of life {seconds} s ago)."),
    Code.NOTHING_RUNS: words(
        "Airflow is not running: there is neither a scheduler, nor a DAG processor, nor a triggerer.",
        "Start all of it on this machine, to try it; or each by itself, and let systemd or Compose keep it"
        " running:",
        "airflow standalone",
        "# or: airflow api-server, airflow scheduler, airflow dag-processor, airflow triggerer",
    ),
    Code.PROCESS_NOT_RUNNING: words(
        "No {process} is running.",
        "Start it, and let systemd or Compose keep it running:",
        "airflow {process}",
    ),
    Code.PROCESS_SILENT: words(
        "The {process} has given no sign of life for {minutes} minutes.",
        "See its log, and start it again:",
        "airflow {process}",
    ),
}
