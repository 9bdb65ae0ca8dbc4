"""What has to be known of a job to sum up its changes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from directory_sync.definition.models import Job, MoveMissing, Static
from directory_sync.definition.secrets import IsSecret, secret_fields
from directory_sync.dn import comparable, parent_of
from directory_sync.endpoints.evidence import Evidence
from directory_sync.plan.display_names import NAMING_FIELDS, bare
from directory_sync.plan.model import PlanEvidence

_MAIL = ("mail", "email", "e-mail", "e_mail", "mailaddress", "mail_address", "rfc822mailbox")
_MORE_MAIL = ("proxyaddresses", "targetaddress", "mailnickname", "mailalternateaddress", "email_address")
_LOGIN = ("uid", "userid", "user_id", "samaccountname", "userprincipalname", "login", "username", "user_name")
_MORE_LOGIN = ("user", "account", "loginname", "login_name", "krbprincipalname")

IDENTIFYING = NAMING_FIELDS.union(_MAIL, _MORE_MAIL, _LOGIN, _MORE_LOGIN)
"""Fields that say who a person is, in small letters and without options: names, mail, login."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A job as far as its changes' patterns depend on it.

    Attributes:
        identifying: further fields that say who a person is: keys and the naming attribute, in small letters.
        is_secret: fields of which no value may be told.
        fixed: fields that get the same text everywhere, in small letters: sharing it means nothing.
        departed: the container of objects whose record is missing; None if they are not moved.
        source: how the source's listing ended; None where that is not known.
    """

    identifying: frozenset[str]
    is_secret: IsSecret
    fixed: frozenset[str] = frozenset()
    departed: str | None = None
    source: Evidence | None = None

    @classmethod
    def of(cls, job: Job, evidence: PlanEvidence | None = None) -> Subject:
        """What a job's definition says, and the listings that the plan was made from."""
        missing = job.missing_at_source
        return cls(
            frozenset(map(bare, (*job.keys, job.naming_attribute))),
            cache(secret_fields(job)),
            frozenset(name.lower() for name, mapping in job.fields.items() if isinstance(mapping, Static)),
            missing.move if isinstance(missing, MoveMissing) else None,
            None if evidence is None else evidence.source,
        )

    def is_identifying(self, field: str) -> bool:
        """Whether a field says who a person is."""
        name = bare(field)
        return name in IDENTIFYING or name in self.identifying

    def is_departure(self, new_object: str) -> bool:
        """Whether an object gets the place of those whose record is missing."""
        if self.departed is None:
            return False
        container, wanted = parent_of(new_object), comparable(self.departed)
        return container is not None and wanted is not None and comparable(container) == wanted
