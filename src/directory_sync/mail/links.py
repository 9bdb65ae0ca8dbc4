"""Addresses of the pages that mails link to: our own, and Airflow's."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

_APPLY = ".apply"  # what the task is called that applies what was approved of a job


@dataclass(frozen=True, slots=True)
class Links:
    """Makes addresses; each is empty where Airflow's own is not known.

    Attributes:
        airflow: address of Airflow, without a slash at its end; empty if it is not known.
        portal: address below which the portal's pages are; the same.
    """

    airflow: str = ""
    portal: str = ""

    def request(self, number: int) -> str:
        """The page of a request."""
        return f"{self.portal}/requests/{number}" if self.portal else ""

    def run(self, collection: str, run_id: str) -> str:
        """The tab with a run's results."""
        return self._of_run(collection, run_id, "/plugin/dirsync_run")

    def job(self, collection: str, run_id: str, job: str) -> str:
        """The tab with a job's results."""
        return self._of_run(collection, run_id, f"/tasks/{airflow_segment(job)}/plugin/dirsync_ti")

    def log(self, collection: str, run_id: str, job: str, *, applied: bool = False) -> str:
        """The log of a job's task; `applied`: of the one that has applied what was approved."""
        task = f"{job}{_APPLY}" if applied else job
        return self._of_run(collection, run_id, f"/tasks/{airflow_segment(task)}")

    def _of_run(self, collection: str, run_id: str, rest: str) -> str:
        if not self.airflow:
            return ""
        names = map(airflow_segment, (collection, run_id))
        return f"{self.airflow}/dags/{'/runs/'.join(names)}{rest}"


def airflow_segment(text: str) -> str:
    """A name as one segment of a path of Airflow's UI, spelled as Airflow does: else it does not know which
    tab it shows.
    """
    return quote(text, safe=":+")
