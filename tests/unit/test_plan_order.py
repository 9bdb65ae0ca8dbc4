"""Ordering: whatever is planned, each change finds what it needs when its turn comes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from directory_sync.endpoints.change import Action
from directory_sync.plan.order import order
from directory_sync.plan.structure import Node


def parent(id: str) -> str | None:
    return id.partition(",")[2] or None


def carry_out(present: set[str], nodes: list[Node], sequence: list[int]) -> set[str]:
    """A directory with the rules of LDAP: parents must exist, ids are unique, only leaves are deleted."""
    present = set(present)
    for index in sequence:
        node = nodes[index]
        if node.now is not None:
            assert node.now in present, f"{node} comes too late or too early"
        if node.action is Action.DELETE:
            assert not any(parent(id) == node.now for id in present), f"{node.now} still has children"
            present.discard(node.now or "")
        elif node.now != node.then:
            assert node.then is not None
            assert node.then not in present, f"{node.then} is still taken"
            above = parent(node.then)
            assert above is None or above in present, f"{above} does not exist yet"
            if node.now is not None:
                assert not any(parent(id) == node.now for id in present), "children would be renamed with it"
                present.discard(node.now)
            present.add(node.then)
    return present


def test_parents_are_created_before_their_children() -> None:
    """A child is created after its parent, whatever order they come in."""
    nodes = [Node(Action.CREATE, None, id) for id in ("a,b,c", "c", "b,c")]
    assert [nodes[i].then for i in order(nodes, parent).sequence] == ["c", "b,c", "a,b,c"]


def test_leaves_are_deleted_before_their_container() -> None:
    """A container is deleted after what is in it."""
    nodes = [Node(Action.DELETE, id, None) for id in ("c", "a,b,c", "b,c")]
    assert [nodes[i].now for i in order(nodes, parent).sequence] == ["a,b,c", "b,c", "c"]


def test_an_id_is_given_up_before_it_is_taken() -> None:
    """In a chain of renames the last one comes first, and a deleted object makes room for a new one."""
    nodes = [
        Node(Action.UPDATE, "x", "y"),
        Node(Action.UPDATE, "y", "z"),
        Node(Action.DELETE, "z", None),
        Node(Action.CREATE, None, "x"),
    ]
    assert order(nodes, parent).sequence == [2, 1, 0, 3]


def test_names_exchanged_in_a_circle_cannot_be_carried_out() -> None:
    """Two objects that exchange their ids are reported; what has nothing to do with them is ordered all the
    same.
    """
    nodes = [Node(Action.UPDATE, "x", "y"), Node(Action.UPDATE, "y", "x"), Node(Action.CREATE, None, "w")]
    result = order(nodes, parent)
    assert result.circular == {0, 1}
    assert result.sequence == [2]


def test_an_object_is_created_before_it_is_named() -> None:
    """A manager is created before those who report to them."""
    nodes = [Node(Action.CREATE, None, "a", references=("m",)), Node(Action.CREATE, None, "m")]
    result = order(nodes, parent)
    assert result.sequence == [1, 0]
    assert not result.late


def test_a_circle_of_references_is_broken_at_one_place() -> None:
    """Where two new objects name each other, exactly one of them is completed late."""
    nodes = [
        Node(Action.CREATE, None, "a", references=("b",)),
        Node(Action.CREATE, None, "b", references=("a",)),
    ]
    result = order(nodes, parent)
    assert sorted(result.sequence) == [0, 1]
    assert len(result.late) == 1


NAMES = [
    f"{leaf}{container}" for container in ("", ",p", ",q", ",r,p", ",s,p") for leaf in ("a", "b", "c", "d")
] + [
    "p",
    "q",
    "r,p",
    "s,p",
]


@st.composite
def plans(draw: st.DrawFn) -> tuple[set[str], list[Node]]:
    """A directory and a random plan that leads from it to another consistent directory."""
    present = draw(st.sets(st.sampled_from(NAMES))) | {"p", "q"}
    present = {id for id in present if parent(id) is None or parent(id) in present}
    target = draw(st.sets(st.sampled_from(NAMES))) | {"p"}
    target = {id for id in target if parent(id) is None or parent(id) in target}
    leaving, coming = sorted(present - target), sorted(target - present)
    draw(st.randoms(use_true_random=False)).shuffle(coming)
    renames = draw(st.integers(0, min(len(leaving), len(coming))))
    # Only leaves are renamed: a container's children would change their ids along with it.
    pairs = [
        (old, new)
        for old, new in zip(leaving[:renames], coming[:renames], strict=True)
        if not any(parent(id) == old for id in present) and not any(parent(id) == new for id in target)
    ]
    nodes = [Node(Action.MOVE, old, new) for old, new in pairs]
    moved = {id for pair in pairs for id in pair}
    nodes += [Node(Action.DELETE, id, None) for id in leaving if id not in moved]
    nodes += [Node(Action.CREATE, None, id) for id in coming if id not in moved]
    draw(st.randoms(use_true_random=False)).shuffle(nodes)
    return present, nodes


@given(plans())
def test_every_change_finds_what_it_needs(case: tuple[set[str], list[Node]]) -> None:
    """Carried out in order, no change meets a missing parent, a taken id or a container that is not empty."""
    present, nodes = case
    result = order(nodes, parent)
    assert not result.circular
    assert sorted(result.sequence) == list(range(len(nodes)))
    wanted = {node.then for node in nodes if node.then} | {
        id for id in present if id not in {node.now for node in nodes}
    }
    assert carry_out(present, nodes, result.sequence) == wanted


@given(plans(), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_changes_were_found(
    case: tuple[set[str], list[Node]], random: object
) -> None:
    """The same changes in another sequence give the same order, so that equal plans have equal digests."""
    _, nodes = case
    shuffled = list(nodes)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first = [nodes[i] for i in order(nodes, parent).sequence]
    second = [shuffled[i] for i in order(shuffled, parent).sequence]
    assert first == second
