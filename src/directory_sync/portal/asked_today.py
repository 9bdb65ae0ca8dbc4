"""Who the jobs of a draft would ask for approval today: the policy, tightened by the deployment's minimum,
and what Airflow knows of the people that it names.
"""

from __future__ import annotations

from dataclasses import dataclass

from directory_sync import settings
from directory_sync.approval.minimum import tighten
from directory_sync.approval.people import Approver, named
from directory_sync.approval.policy import EffectivePolicy
from directory_sync.definition.models import ApprovalPolicy, Collection, Job
from directory_sync.errors import SettingsError
from directory_sync.portal.access import Visitor
from directory_sync.portal.codes import Known
from directory_sync.portal.standing import Standing, note
from directory_sync.settings.minimum import parse_minimum


@dataclass(frozen=True, slots=True)
class Asked:
    """One who would be asked.

    Attributes:
        approver: user or role.
        people: how many a role means; None for a user, and where Airflow does not tell.
        doubt: what keeps them from deciding, in a sentence; empty if nothing is known.
    """

    approver: Approver
    people: int | None
    doubt: str


@dataclass(frozen=True, slots=True)
class AskedToday:
    """Who would be asked about a job's changes.

    Attributes:
        policy: what counts; None where no approval is needed.
        asked: those that it names.
        by_deployment: the deployment asks for approval, whatever the definition says.
        untold: the deployment's minimum cannot be read, so that it may be stricter.
    """

    policy: EffectivePolicy | None
    asked: tuple[Asked, ...] = ()
    by_deployment: bool = False
    untold: bool = False


def asked_today(visitor: Visitor, collection: Collection, job: Job, *, dag_id: str = "") -> AskedToday:
    """Who would be asked about a job of a definition.

    `dag_id`: of the collection where it is saved already, so that it can be told who sees it.
    """
    minimum, untold = _minimum()
    policy = tighten(minimum, collection.policy_of(job))
    if policy is None:
        return AskedToday(None, untold=untold)
    approvers = named(policy.approvers, policy.all_of)
    standings = visitor.rights.standings(approvers, dag_id or collection.name)
    return AskedToday(
        policy,
        tuple(_asked(each, standings[each], saved=bool(dag_id)) for each in approvers),
        by_deployment=minimum is not None,
        untold=untold,
    )


def _minimum() -> tuple[ApprovalPolicy | None, bool]:
    try:
        return parse_minimum(settings.approval_minimum()), False
    except SettingsError:
        return None, True


def _asked(approver: Approver, standing: Standing, *, saved: bool) -> Asked:
    # Airflow has no DAG yet of a collection that is not saved, which therefore no one may see.
    told = saved or standing.known in (Known.NO, Known.NOT_YET) or standing.people == 0
    people = standing.people if approver.kind == "role" else None
    return Asked(approver, people, note(approver, standing) if told else "")
