"""What the person who sends a request may see and do.

Deciding is the policy's business: `directory_sync.requests.decisions`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Protocol

from fastapi import Depends

from directory_sync.approval.people import Approver, Person
from directory_sync.errors import NotAllowed, RequestNotFound
from directory_sync.own_dags import PREVIEWS_DAG_ID
from directory_sync.portal import airflow_login, airflow_people, airflow_runs
from directory_sync.portal.identity import is_administrator, person_of
from directory_sync.portal.run_in_airflow import RunInAirflow
from directory_sync.portal.standing import Standings

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser


class Rights(Protocol):
    """What Airflow lets someone do with DAGs; a collection's DAG has its name."""

    def readable(self, dag_ids: Collection[str]) -> frozenset[str]:
        """Those of the DAGs that they may see."""

    def may_start(self, dag_id: str) -> bool:
        """Whether they may start runs of the DAG."""

    def may_switch(self, dag_id: str) -> bool:
        """Whether they may switch the DAG on and off."""

    def standings(self, approvers: Collection[Approver], dag_id: str) -> Standings:
        """What Airflow knows of others who are asked about the DAG."""

    def names(self, most: int) -> tuple[Sequence[str], Sequence[str]]:
        """Names of users and of roles that Airflow knows, at most so many of each."""

    def run_of(self, dag_id: str, run_id: str) -> RunInAirflow:
        """What Airflow knows of a run."""

    def may_read_logs(self, dag_id: str) -> bool:
        """Whether they may read the logs of the DAG's tasks."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Someone who is logged in.

    Attributes:
        person: name and roles; not verified where everyone is let in.
        administrator: sees the list of all requests, and may cancel requests of others. Decides nothing by
            virtue of that.
        rights: asked of Airflow whenever they are needed.
    """

    person: Person
    administrator: bool
    rights: Rights = field(repr=False, compare=False)

    def visible(self, collections: Collection[str]) -> tuple[str, ...]:
        """Those of the collections that this person may see, in the given order."""
        readable = self.rights.readable(collections)
        return tuple(name for name in collections if name in readable and name != PREVIEWS_DAG_ID)

    def may_see(self, collection: str) -> bool:
        """Whether they may see the collection, with its runs, plans and requests.

        What stands for answers to previews no one may see by its name: only the person who has asked, by the
        question (`preview_rights`).
        """
        return collection != PREVIEWS_DAG_ID and collection in self.rights.readable([collection])

    def why_not_run(self, collection: str) -> str:
        """Why they may not start runs of the collection, in words for them; empty if they may."""
        if not self.person.verified:
            return "Airflow does not know who you are. Log in to start runs."
        if not self.rights.may_start(collection):
            return (
                f"Airflow does not let you start runs of {collection}. Ask someone who may, or an"
                " administrator of Airflow."
            )
        return ""

    def may_switch(self, collection: str) -> bool:
        """Whether they may switch the collection on and off."""
        return self.person.verified and self.rights.may_switch(collection)

    def require_sight(self, collection: str, what: str) -> None:
        """Raise RequestNotFound if they may not see the collection: what they may not see does not exist for
        them.
        """
        if not self.may_see(collection):
            raise RequestNotFound(not_found(what))

    def require_run(self, collection: str) -> None:
        """Raise NotAllowed if they may not start runs of the collection."""
        if why_not := self.why_not_run(collection):
            raise NotAllowed(why_not)


def not_found(what: str) -> str:
    """What people are told of something that does not exist, or that they may not see."""
    return (
        f"There is no {what}, or Airflow does not let you see its collection. It may also have been deleted."
    )


@dataclass(frozen=True, slots=True)
class _AirflowRights:
    user: BaseUser

    def readable(self, dag_ids: Collection[str]) -> frozenset[str]:
        return airflow_login.readable(self.user, dag_ids)

    def may_start(self, dag_id: str) -> bool:
        return airflow_login.may_start(self.user, dag_id)

    def may_switch(self, dag_id: str) -> bool:
        return airflow_login.may_switch(self.user, dag_id)

    def standings(self, approvers: Collection[Approver], dag_id: str) -> Standings:
        return airflow_people.standings(approvers, dag_id)

    def names(self, most: int) -> tuple[Sequence[str], Sequence[str]]:
        return airflow_people.names(most)

    def run_of(self, dag_id: str, run_id: str) -> RunInAirflow:
        return airflow_runs.run_of(dag_id, run_id)

    def may_read_logs(self, dag_id: str) -> bool:
        return airflow_login.may_read_logs(self.user, dag_id)


def current_visitor(user: airflow_login.LoggedInUser) -> Visitor:
    """Dependency of every route: who sends the request. 401 if no one is logged in."""
    person = person_of(user)
    return Visitor(person, is_administrator(person), _AirflowRights(user))


CurrentVisitor = Annotated[Visitor, Depends(current_visitor)]
