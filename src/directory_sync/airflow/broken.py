"""The DAG that stands in for a definition that cannot be used: visible in the UI, tagged, and unable to do
anything.
"""

from __future__ import annotations

from typing import Any, NoReturn

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from directory_sync.airflow.documentation import listing

TAG = "broken definition"
TASK_ID = "definition_is_broken"


class BrokenDefinitionOperator(BaseOperator):
    """Fails with the definition's problems, so that the person who starts the DAG reads them."""

    def __init__(self, *, problems: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.problems = problems

    def execute(self, context: Any) -> NoReturn:  # noqa: ARG002 Airflow hands it over
        """Raise AirflowFailException: trying again would not help."""
        raise AirflowFailException(f"This collection cannot run; its definition is broken:\n{self.problems}")


IN_FILE = (
    "Correct the file; the collection comes back by itself. `directory-sync validate FILE` shows the same."
)
SAVED = "Correct it in Directory Sync; the collection comes back by itself."
"""What to do about a definition, by where it is kept."""


def broken_dag(dag_id: str, problems: str, remedy: str = IN_FILE) -> DAG:
    """Build the DAG of a broken definition.

    Args:
        dag_id: the collection's name, or something made of the file's name where it could not be read.
        problems: one per line, each naming file and line.
        remedy: what to do about it.
    """
    with DAG(
        dag_id=dag_id,
        description="The definition of this collection is broken; see its documentation.",
        doc_md=(
            f"**This collection cannot run: its definition is broken.** {remedy}\n\n"
            f"{listing(problems.splitlines())}\n"
        ),
        tags={TAG},
        schedule=None,
        catchup=False,
        is_paused_upon_creation=True,
    ) as dag:
        BrokenDefinitionOperator(task_id=TASK_ID, problems=problems, retries=0)
    return dag
