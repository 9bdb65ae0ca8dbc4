"""A step that is made of sections of a definition's form (`directory_sync.forms`): shown, and put back into
the text of the draft.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from fastapi.responses import RedirectResponse

from directory_sync.definition.nodes import Path
from directory_sync.definition.templates import Templates
from directory_sync.errors import DefinitionError
from directory_sync.forms.form import Form, ShownSection
from directory_sync.forms.sections import Section
from directory_sync.portal.access import Visitor
from directory_sync.portal.views.wizard import SentStep, Wizard
from directory_sync.portal.wizard_steps import Place, problem_key

MOST_NAMES = 200
"""Names of people that a field suggests."""


@dataclass(frozen=True, slots=True)
class FormStep:
    """The form of a step.

    Attributes:
        wizard: what is around it; links of its problems lead to the inputs.
        sections: as the page shows them; none where the text cannot be read.
    """

    wizard: Wizard
    sections: tuple[ShownSection, ...]

    def section(self, name: str) -> ShownSection | None:
        """One of them."""
        return next((each for each in self.sections if each.name == name), None)


def form_step(
    wizard: Wizard, sections: Iterable[Section], templates: Templates, *, more: str = ""
) -> FormStep:
    """The form of a step, as its draft is.

    Args:
        wizard: the step.
        sections: what it is made of.
        templates: give what counts where the text says nothing.
        more: name of a list that gets one more empty row.
    """
    problems = [each.problem for each in wizard.problems]
    try:
        shown = tuple(
            Form(section, wizard.view.draft.text, at=path_of(wizard.place), templates=templates).shown(
                problems, more=more
            )
            for section in sections
        )
    except (DefinitionError, LookupError):
        return FormStep(wizard, ())
    ids = {problem_key(problem): id for each in shown for problem, id in each.links if id}
    return FormStep(replace(wizard, ids=ids), shown)


def typed_into(
    text: str, sent: SentStep, sections: Iterable[Section], templates: Templates, place: Place
) -> str:
    """A text with what was typed into a step's form. Raises DefinitionError for a text that cannot be read,
    or that has no such job.
    """
    values = posted_values(sent)
    for section in sections:
        if not any(name.startswith(f"{section.name}.") for name in values):
            continue  # not on the page that was sent: what it holds is not emptied
        try:
            text = Form(section, text, at=path_of(place), templates=templates).posted(values)
        except LookupError:
            raise DefinitionError(()) from None
    return text


def posted_values(sent: SentStep) -> Mapping[str, Sequence[str]]:
    """What was sent, by name."""
    values: dict[str, list[str]] = {}
    for name, value in sent.fields:
        values.setdefault(name, []).append(value)
    return values


def same_step(wizard: Wizard, root: str, do: str) -> RedirectResponse | None:
    """Where a button of a list leads, which adds a row or removes one: the step again. None for another
    button.
    """
    here = f"{root}{wizard.address}"
    kind, _, name = do.partition(":")
    if kind == "add" and len(name) < 200:
        return RedirectResponse(f"{here}?more={quote(name)}#field-{quote(name.replace('.', '-'))}", 303)
    if kind == "remove":
        owner = name.rpartition(".")[0]
        return RedirectResponse(f"{here}#field-{quote(owner[:200].replace('.', '-'))}", 303)
    return None


def path_of(place: Place) -> Path:
    """Where the keys of a step stand in a definition."""
    return () if place.job is None else ("jobs", place.job)


def known_names(visitor: Visitor, wizard: Wizard) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Users and roles whom Airflow knows, for fields that take their names; none where it does not tell, nor
    for a person who may not save the draft any more.
    """
    if wizard.view.refused:
        return (), ()
    users, roles = visitor.rights.names(MOST_NAMES)
    return tuple(sorted(users)), tuple(sorted(roles))
