"""Who may see the answer to a preview: the person who has asked, as long as they could ask it now.

No one else, not even an administrator: a definition that is not saved may read what only its author may use.
"""

from __future__ import annotations

from directory_sync.definition.loading import Loaded
from directory_sync.portal.access import Visitor
from directory_sync.portal.definition_cache import DEFINITIONS
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.rights.editing import may_edit
from directory_sync.store.preview_model import Question, QuestionKind
from directory_sync.store.store import Store


def own_question(store: Store, visitor: Visitor, id: str) -> Question | None:
    """A question that the visitor has asked and may see the answer of; None if there is none."""
    question = store.previews.get(id)
    if question is None or not visitor.person.verified or visitor.person.name != question.asked_by:
        return None
    return question if _may_still(store, visitor, question) else None


def _may_still(store: Store, visitor: Visitor, question: Question) -> bool:
    """Whether they could ask the same now, as far as their rights go."""
    if visitor.why_not_run(question.collection):
        return False
    if question.kind is not QuestionKind.TEXT:
        return visitor.may_see(question.collection)
    # Connections were judged by these roles.
    if not visitor.person.roles.issuperset(question.roles):
        return False
    newest = store.collections.get(question.collection)
    if newest is not None and not visitor.may_see(question.collection):
        return False
    rules = saving_rules(visitor, only_looks=True)
    found = None if newest is None else DEFINITIONS.judge(newest.document, rules.templates)
    owners = found.collection.owners if isinstance(found, Loaded) else ()
    return may_edit(visitor.person, owners, rules.collection_roles, rules.administrators).allowed
