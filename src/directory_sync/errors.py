"""Every error this package raises on purpose, in one tree.

::

    DirectorySyncError
    ├── DefinitionError            the definition is wrong: problems with file, line and key
    │   └── RulesBroken            the definition breaks a rule of the deployment's connections
    ├── UnsupportedError           the definition is right, but not supported here yet
    ├── SettingsError              a setting of the deployment is missing or wrong
    │   └── ConnectionRulesError   the file with the rules of connections cannot be used; field: problems
    ├── EndpointError              an endpoint did not do what was asked; fields: endpoint, remedy
    │   ├── EndpointUnavailable    transient: unreachable, timed out, busy. Trying again may help
    │   ├── NoConnection           Airflow has no connection of this name
    │   ├── AuthenticationError    the login was refused, or may not do what is needed
    │   ├── SecurityError          TLS failed, or the server asks for more protection
    │   ├── MissingObjectError     a container, table, sheet or file does not exist
    │   ├── SchemaError            the mapping asks for something that the schema does not have
    │   └── IncompleteListing      a listing ended before it was provably complete
    ├── RecordError                one record cannot be processed; the job goes on
    │   └── RecordCancelled        a transformation left the record out on purpose
    ├── LimitExceeded              the plan changes more than the job's limits allow
    ├── RunIdUsed                  the store knows another run by the same id
    ├── PolicyChanged              another approval policy was saved while a run planned
    ├── NewRunNeeded               this run may make no new plan, only another one may
    ├── RunStopped                 a person has stopped the run; fields: by, reason
    ├── RunInAirflow               a terminal may not write what needs approval in Airflow
    ├── LeaseError                 another run works on the same part of the destination
    │   └── LeaseLost              our own lease expired while we were working
    ├── PlanMismatch               a stored plan is not the one that was asked for
    │   └── PlanAltered            what the store holds is not what was saved there: someone has changed it
    ├── RequestError               a request for approval cannot be filed, found or changed like that
    │   ├── RequestNotFound        there is no such request (any more)
    │   ├── AlreadyDecided         someone or something was first; fields: by, at, state
    │   ├── QueryError             what a list was asked for makes no sense; field: problems
    │   ├── NotDecidable           the request is not in a state for this, or its plan was not shown
    │   └── NotAllowed             this person may not do that with the request
    ├── CollectionError            a saved collection cannot be found, saved or deleted like that
    │   ├── CollectionNotFound     the store has no collection of this name; field: name
    │   ├── CollectionChanged      another person was first; fields: name, by, at, number, deleted
    │   ├── CollectionInUse        runs or requests of it are under way; fields: name, runs, requests
    │   ├── EditRefused            this person may not save, delete or import it
    │   ├── NameTaken              the name belongs to a collection from a file; fields: name, origin
    │   └── OriginDiffers          a definition comes from elsewhere than before; fields: name, noted, found
    ├── PreviewError               a preview cannot be asked for, answered or cancelled like that
    │   └── PreviewNotFound        there is no such preview of this person (any more)
    ├── LookError                  a look at an endpoint cannot be asked for like that
    │   ├── LooksBusy              as many looks as are allowed are being taken; trying again helps
    │   └── LookTimedOut           a look did not end in time, and was ended
    ├── DraftError                 a draft cannot be begun, written or finished like that
    │   ├── DraftNotFound          this person has no such draft (any more)
    │   └── DraftChanged           another window was first; fields: number, at
    ├── MailError                  a mail could not be sent; fields: for_good, everyone
    └── StoreError                 the store is not there, not migrated, or does not answer

`EndpointUnavailable`, `PolicyChanged`, `LeaseError`, `StoreError` and an `IncompleteListing` that broke off
are transient: Airflow may retry. All others end a task for good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from directory_sync.definition.problems import Problem


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _revived(kind: type[DirectorySyncError], args: tuple[Any, ...]) -> DirectorySyncError:
    error = kind.__new__(kind)
    error.args = args
    return error


class DirectorySyncError(Exception):
    """Anything that this package reports to its user. The text says what is wrong and what to do about it."""

    transient = False
    """Whether doing the same thing again later may succeed without anyone changing anything."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Processes tell each other their errors: the text and the facts as they are, whatever made them.
        return _revived, (type(self), self.args), self.__dict__

    def extended(self, more: str, *, remedy: str = "") -> Self:
        """The same error, caused by this one, with all its facts and another sentence or two."""
        error = type(self).__new__(type(self))
        error.__dict__.update(self.__dict__)
        error.args = (_joined(str(self), more, remedy),)
        error.__cause__ = self
        return error


class DefinitionError(DirectorySyncError):
    """One or more problems in definition files."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


class RulesBroken(DefinitionError):
    """A definition breaks a rule that the deployment has for its connections, so it cannot be saved or
    run.
    """


class UnsupportedError(DirectorySyncError):
    """The definition is valid, but names something that is not supported here (yet)."""


class SettingsError(DirectorySyncError):
    """A setting of the deployment is missing or cannot be used."""


class ConnectionRulesError(SettingsError):
    """The file with the rules of connections cannot be used, so nothing may run."""

    def __init__(self, message: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(message)


class EndpointError(DirectorySyncError):
    """An endpoint did not do what was asked of it.

    Attributes:
        endpoint: how the user knows it, for example ``connection lab_ad (ldaps://dc1.lab.example:636)``.
        remedy: what the user can do about it; a full sentence.
    """

    def __init__(self, message: str, *, endpoint: str = "", remedy: str = "") -> None:
        self.message = message
        self.endpoint = endpoint
        self.remedy = remedy
        super().__init__(_joined(f"{endpoint}:" if endpoint else "", message, remedy))

    def extended(self, more: str, *, remedy: str = "") -> Self:
        """The same error; what is said more comes before what can be done about it."""
        error = super().extended(more)
        error.message = f"{self.message} {more}"
        error.remedy = f"{self.remedy} {remedy}".strip()
        error.args = (_joined(f"{self.endpoint}:" if self.endpoint else "", error.message, error.remedy),)
        return error


class EndpointUnavailable(EndpointError):
    """The endpoint cannot be reached, timed out or is busy."""

    transient = True


class NoConnection(EndpointError):
    """There is no connection of this name, neither in the environment nor where Airflow keeps them."""


class AuthenticationError(EndpointError):
    """The endpoint refused the login, or the login lacks a right that the job needs."""


class SecurityError(EndpointError):
    """TLS could not be established as the connection demands it."""


class MissingObjectError(EndpointError):
    """A container, table, sheet or file that the job names does not exist."""


class SchemaError(EndpointError):
    """The mapping does not fit the schema of the destination."""


class IncompleteListing(EndpointError):
    """A listing ended before it was provably complete, so nothing may be concluded from absence.

    Attributes:
        transient: it broke off (connection lost, reader killed), so reading again may go well. A limit
            stays where it is.
    """

    def __init__(
        self, message: str, *, endpoint: str = "", remedy: str = "", transient: bool = False
    ) -> None:
        super().__init__(message, endpoint=endpoint, remedy=remedy)
        self.transient = transient


class RecordError(DirectorySyncError):
    """One record cannot be processed.

    Attributes:
        field: the destination field it is about, or the empty text.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        self.message = message
        self.field = field
        super().__init__(f"{field}: {message}" if field else message)


class RecordCancelled(RecordError):
    """A transformation decided that this record is to be left out of this run."""


class LimitExceeded(DirectorySyncError):
    """The plan changes more than the job's limits allow; nothing was written."""


class RunIdUsed(DirectorySyncError):
    """The store knows another run by the id of this one, so this one cannot be told apart from it."""


class NewRunNeeded(DirectorySyncError):
    """A job under a policy was begun again by hand: a new plan is made in a new run, whose starter is its
    requester.
    """


class RunStopped(DirectorySyncError):
    """A person has stopped the run, so nothing more of it begins; final, whatever is tried again.

    Attributes:
        by: who; `reason`: why, in their words.
    """

    def __init__(self, message: str, *, by: str, reason: str) -> None:
        self.by = by
        self.reason = reason
        super().__init__(message)


class PolicyChanged(DirectorySyncError):
    """Another approval policy was saved while a run planned: a plan under the new one is needed."""

    transient = True


class RunInAirflow(DirectorySyncError):
    """A run from a terminal could write what needs approval in Airflow."""


class LeaseError(DirectorySyncError):
    """Another run works on the same part of the same destination."""

    transient = True


class LeaseLost(LeaseError):
    """Our own lease expired while we were working, so nothing more may be written."""


class PlanMismatch(DirectorySyncError):
    """A stored plan does not have the digest that it should have."""


class PlanAltered(PlanMismatch):
    """What the store holds of a plan is not what was saved there, so no one may agree to it and nothing of it
    may be written.
    """


class RequestError(DirectorySyncError):
    """Something about a request for approval cannot be done; nothing was changed."""


class RequestNotFound(RequestError):
    """There is no request of this number: it never existed, or was deleted by age."""


class AlreadyDecided(RequestError):
    """Someone or something was first, so what was asked for has not been recorded.

    Attributes:
        by: who was first; empty where it was no one (expiry, a newer plan).
        at: when, in UTC; the store always says so.
        state: what it has led to: the request's state now, or what this same person decided earlier.
    """

    def __init__(self, message: str, *, by: str = "", at: datetime | None = None, state: str = "") -> None:
        self.by = by
        self.at = at
        self.state = state
        super().__init__(message)


class QueryError(RequestError):
    """What a list or page was asked for makes no sense.

    Attributes:
        problems: name of the parameter → what is wrong with it and what is right.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__(" ".join(f"{name}: {problem}" for name, problem in problems.items()))


class NotDecidable(RequestError):
    """The request is not in a state for this, or its plan is not the one that was shown."""


class NotAllowed(RequestError):
    """This person may not do that with the request; the text is for them."""


class CollectionError(DirectorySyncError):
    """Something about a saved collection cannot be done; nothing was changed.

    Attributes:
        name: of the collection.
    """

    def __init__(self, message: str, *, name: str) -> None:
        self.name = name
        super().__init__(message)


class CollectionNotFound(CollectionError):
    """The store has no collection of this name."""


class CollectionChanged(CollectionError):
    """Another person has saved or deleted the collection since it was looked at.

    Attributes:
        by: who saved the version that is the newest now.
        at: when, in UTC.
        number: of that version.
        deleted: it is the deletion.
    """

    def __init__(
        self, message: str, *, name: str, by: str, at: datetime, number: int, deleted: bool = False
    ) -> None:
        self.by = by
        self.at = at
        self.number = number
        self.deleted = deleted
        super().__init__(message, name=name)


class CollectionInUse(CollectionError):
    """The collection cannot be deleted yet, because something of it is under way.

    Attributes:
        runs: ids of runs that have not ended.
        requests: numbers of requests that wait for a decision, or to be applied.
    """

    def __init__(self, message: str, *, name: str, runs: Sequence[str], requests: Sequence[int]) -> None:
        self.runs = tuple(runs)
        self.requests = tuple(requests)
        super().__init__(message, name=name)


class EditRefused(CollectionError):
    """This person may not save, delete or import the collection; the text is for them."""


class NameTaken(CollectionError):
    """The name belongs to a collection from a file.

    Attributes:
        origin: where that came from, as `store.saved_collections.Origin.text` gives it.
    """

    def __init__(self, message: str, *, name: str, origin: str) -> None:
        self.origin = origin
        super().__init__(message, name=name)


class OriginDiffers(CollectionError):
    """The definition of a collection comes from elsewhere than the store has noted for its name.

    Attributes:
        noted, found: the two origins, as `store.saved_collections.Origin.text` gives them.
    """

    def __init__(self, message: str, *, name: str, noted: str, found: str) -> None:
        self.noted = noted
        self.found = found
        super().__init__(message, name=name)


class PreviewError(DirectorySyncError):
    """A preview cannot be asked for, answered or cancelled like that."""


class PreviewNotFound(PreviewError):
    """There is no such preview (any more), or another person has asked for it."""


class LookError(DirectorySyncError):
    """A look at an endpoint that a person has asked for on a page cannot be taken like that."""


class LooksBusy(LookError):
    """As many looks as are allowed at once are being taken."""

    transient = True


class LookTimedOut(LookError):
    """A look did not end in time, or needed too much memory; its process was ended."""

    transient = True


class DraftError(DirectorySyncError):
    """A draft cannot be begun, written or finished like that."""


class DraftNotFound(DraftError):
    """There is no such draft (any more), or it is another person's."""


class DraftChanged(DraftError):
    """Another window has written the draft since it was read. Nothing was written.

    Attributes:
        number: that the draft has now.
        at: when it was written.
    """

    def __init__(self, message: str, *, number: int, at: datetime) -> None:
        self.number = number
        self.at = at
        super().__init__(message)


class MailError(DirectorySyncError):
    """A mail could not be sent.

    Attributes:
        for_good: the server refuses this mail or address; sending it again is of no use.
        concerns_all: the server takes no mail at all now, so there is no use in sending it others.
    """

    def __init__(self, message: str, *, for_good: bool = False, concerns_all: bool = False) -> None:
        self.for_good = for_good
        self.concerns_all = concerns_all
        super().__init__(message)


class StoreError(DirectorySyncError):
    """The store is missing, not migrated to this version, or does not answer."""

    transient = True
