"""Settles who gets which id: refuses drafts that would take a name that stays taken, and those that depend on
them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from directory_sync.plan.planning import Drafts, Planning
from directory_sync.plan.structure import Node

Existing = Callable[[Collection[str]], Collection[str]]
"""Of some normalised ids those that objects have now."""


def settle_names(planning: Planning, drafts: Drafts, existing: Existing) -> None:
    """Drop the drafts that cannot get the id they need, and note why as problems of their records."""
    refused = refusals(drafts.nodes, existing, planning.parent)
    if not refused:
        return
    for index in sorted(refused):
        draft = drafts.read(index)
        planning.reject(draft.change.key, draft.id, refused[index].format(draft.change.final_object))
    drafts.discard(refused.keys())


def refusals(
    nodes: Sequence[Node], existing: Existing, parent: Callable[[str], str | None]
) -> Mapping[int, str]:
    """Index of each change that cannot be applied → why, with `{0}` for the id that it would take.

    A change is refused if several would take the same id, if an object that keeps its id has it, or if the
    container that it goes to would be made by a change that is refused itself.
    """
    taking: dict[str, list[int]] = defaultdict(list)
    for index, node in enumerate(nodes):
        if node.occupies is not None:
            taking[node.occupies].append(index)
    if not taking:
        return {}
    present = set(existing(taking.keys()))
    refused: dict[int, str] = {}
    for indices in taking.values():
        if len(indices) > 1:
            why = f"{len(indices)} records would become {{0}}, so none does. Make the name unique."
            refused.update(dict.fromkeys(indices, why))
    # Who is refused keeps what it has, so others may be refused in turn.
    while more := _refused_in_turn(nodes, refused, present, parent):
        refused.update(more)
    return refused


def _refused_in_turn(
    nodes: Sequence[Node],
    refused: Collection[int],
    present: Collection[str],
    parent: Callable[[str], str | None],
) -> dict[int, str]:
    vacated = {node.vacates for index, node in enumerate(nodes) if index not in refused}
    lost = {id for index in refused if (id := nodes[index].occupies) not in present}
    more: dict[int, str] = {}
    for index, node in enumerate(nodes):
        occupies = node.occupies
        if occupies is None or index in refused:
            continue
        if occupies in present and occupies not in vacated:
            more[index] = "{0} is another object's name. Give the record another name, or rename that object."
        elif lost and parent(occupies) in lost:
            more[index] = "the container of {0} cannot be created, see there."
    return more
