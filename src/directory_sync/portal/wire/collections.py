"""What the REST API answers and takes about saved collections."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from directory_sync.collections.changes import ChangeCode
from directory_sync.collections.import_choices import MOST_ITEMS, Clash, Do, ItemState
from directory_sync.definition.documents import MAX_BYTES
from directory_sync.portal.wire.answer import Answer, Body, Error, Newer, Time
from directory_sync.portal.wire.runs import REASON_LENGTH
from directory_sync.store.request_model import TEXT_LENGTH

LONGEST_IMPORT = 16 * MAX_BYTES
"""Characters of a file that is imported."""
_LONGEST_NAME = 250


class ProblemOfDefinition(Answer):
    """Something that is wrong, or worth knowing, in a definition, as `directory-sync validate` tells it."""

    file: str = Field(description="The collection's name.")
    line: int = Field(description="From 1; 0 for the definition as a whole.")
    column: int
    key: str = Field(description="Path of the key, as in `jobs[0].fields.cn`.")
    message: str
    hint: str
    severity: Literal["error", "warning"]


class DefinitionErrorAnswer(Error):
    """A definition cannot be saved. Nothing was changed."""

    definition_problems: list[ProblemOfDefinition] = Field(
        [], description="DefinitionError, RulesBroken: everything that is wrong, warnings too."
    )
    number: int | None = Field(
        None, description="CollectionChanged: number of the version that is the newest."
    )
    runs: list[str] = Field([], description="CollectionInUse: ids of runs that have not ended.")
    requests: list[int] = Field(
        [], description="CollectionInUse: requests that wait for a decision, or to be applied."
    )


class DefinitionChangeAnswer(Answer):
    """One difference between two versions."""

    code: Annotated[ChangeCode, Newer]
    job: str = Field(description="The job that it is about; empty for the collection.")
    key: str
    old: Any = Field(description='As the definition had it; a long value is `{"characters": N}`.')
    new: Any
    parts: list[str] = Field(description="Of an approval policy, the keys that are different.")
    weakens: bool = Field(description="Objects are protected less than before.")
    text: str = Field(description="In words.")


class VersionAnswer(Answer):
    """A version of a saved collection."""

    name: str
    number: int
    revision: int = Field(description="Ascends over all collections; the version of Airflow's bundle.")
    saved: Time
    saved_by: str
    verified: bool
    roles: list[str]
    comment: str
    deleted: bool = Field(description="This version is the deletion.")
    changes: list[DefinitionChangeAnswer] = Field(description="What protects less comes first.")


class DagAnswer(Answer):
    """What Airflow has made of a collection."""

    state: str = Field(
        description=(
            "`in_airflow`: this version is what new runs use. `waiting`: Airflow has not read it yet."
            " `import_error`: it could not. `no_bundle`: Airflow has no bundle for saved collections."
        )
    )
    paused: bool
    parsed: Time | None
    message: str = Field(description="What is wrong and what to do about it; empty if nothing is.")


class ListedCollection(Answer):
    """A saved collection in a list."""

    name: str
    title: str
    description: str
    owners: list[str]
    tags: list[str]
    jobs: list[str]
    schedule: list[str]
    usable: bool = Field(description="The definition can be used by this version of the package.")
    number: int
    saved: Time
    saved_by: str
    may_edit: bool
    dag: DagAnswer


class CollectionListAnswer(Answer):
    """All saved collections that you may see, by name."""

    collections: list[ListedCollection]
    may_create: bool


class CollectionAnswer(Answer):
    """A saved collection."""

    name: str
    text: str = Field(description="The definition as YAML, exactly as it was saved.")
    version: VersionAnswer
    versions: list[VersionAnswer] = Field(description="All of them, newest first.")
    problems: list[ProblemOfDefinition]
    may_edit: str = Field(description="Why you may not edit it; empty if you may.")
    dag: DagAnswer


class VersionTextAnswer(Answer):
    """A version with its text."""

    version: VersionAnswer
    text: str


class VersionListAnswer(Answer):
    """The versions of a collection, newest first; of a deleted one too."""

    versions: list[VersionAnswer]


class SavedAnswer(Answer):
    """A collection that was saved."""

    version: VersionAnswer
    is_new_version: bool = Field(description="False if the text was saved already.")
    problems: list[ProblemOfDefinition] = Field(description="Warnings.")
    dag: DagAnswer


class CheckedAnswer(Answer):
    """A definition that was looked at; nothing was saved."""

    name: str | None
    usable: bool = Field(description="It could be saved.")
    breaks_rules: bool = Field(description="Some of the errors are rules of the deployment's connections.")
    number: int = Field(description="Of the newest version by this name; 0 for none.")
    problems: list[ProblemOfDefinition]
    changes: list[DefinitionChangeAnswer]
    taken: str = Field(description="Why the name cannot be used; empty if it can.")


class ImportItemAnswer(Answer):
    """One definition of an imported file."""

    line: int
    name: str | None
    saved_as: str | None
    state: Annotated[ItemState, Newer]
    clash: Annotated[Clash, Newer] | None
    version: int = Field(description="Of the newest version by that name; 0 for none. Give it as `expected`.")
    error: str
    detail: str = Field(description="Why it was not saved, in words; empty if it was, or need not be.")
    problems: list[ProblemOfDefinition] = Field(description="Their lines are those of the file.")
    changes: list[DefinitionChangeAnswer]
    missing_connections: list[str] = Field(
        description="Connections that it names and that Airflow's API server cannot find."
    )


class ImportAnswer(Answer):
    """The result of each definition, in the order of the file."""

    items: list[ImportItemAnswer]


class SaveBody(Body):
    """A new collection, or a new version."""

    text: str = Field(max_length=2 * MAX_BYTES, description="The definition as YAML.")
    expected: int = Field(
        ge=0, description="Number of the newest version that you have seen; 0 for a new collection."
    )
    comment: str = Field("", max_length=TEXT_LENGTH, description="Why.")


class RestoreBody(Body):
    """An earlier version, to be saved again."""

    number: int = Field(ge=1)
    expected: int = Field(ge=0, description="As for saving; 0 for a collection that is deleted.")
    comment: str = Field("", max_length=TEXT_LENGTH)


class RenameBody(Body):
    """Another name for a collection."""

    to: str = Field(max_length=_LONGEST_NAME, description="The new name.")
    expected: int = Field(ge=1, description="Number of the newest version that you have seen.")
    comment: str = Field("", max_length=TEXT_LENGTH, description="Why.")


class CheckBody(Body):
    """A definition to look at."""

    text: str = Field(max_length=2 * MAX_BYTES)
    name: str | None = Field(None, max_length=_LONGEST_NAME, description="Of the collection it is to be.")


class ChoiceBody(Body):
    """What is to be done with an item whose name is taken."""

    do: Do
    to: str = Field("", max_length=_LONGEST_NAME, description="`rename`: the new name.")
    expected: int = Field(0, ge=0, description="`replace`: number of the newest version that you have seen.")


class ImportBody(Body):
    """A file of definitions."""

    text: str = Field(max_length=LONGEST_IMPORT, description="Definitions as YAML, apart by `---`.")
    choices: dict[str, ChoiceBody] = Field(
        {}, max_length=MOST_ITEMS, description="Name of an item → what to do with it."
    )
    check_only: bool = Field(False, description="Say what importing would do, and save nothing.")
    comment: str = Field("", max_length=TEXT_LENGTH)


class StartRunBody(Body):
    """A run of a collection."""

    reason: str = Field("", max_length=REASON_LENGTH)
    jobs: list[str] = Field([], max_length=1_000, description="Only these; empty for all.")
    preview_only: bool = Field(False, description="Plan, and write nothing.")
