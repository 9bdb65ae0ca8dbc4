"""The states of a request."""

from __future__ import annotations

from directory_sync.approval.states import LABELS, TRANSITIONS, RequestState


def test_every_state_has_a_label_and_transitions() -> None:
    """No state is forgotten when one is added."""
    assert set(LABELS) == set(TRANSITIONS) == set(RequestState)
    assert len({state.label for state in RequestState}) == len(RequestState)


def test_nothing_is_decided_twice() -> None:
    """No state leads back to pending, and none from one decision to another."""
    assert not any(state.may_become(RequestState.PENDING) for state in RequestState)
    for decided in (RequestState.APPROVED, RequestState.DENIED):
        assert not decided.may_become(RequestState.DENIED)
        assert not decided.may_become(RequestState.APPROVED)


def test_only_what_was_approved_is_applied() -> None:
    """No other way leads to applied."""
    assert [state for state in RequestState if state.may_become(RequestState.APPLIED)] == [RequestState.APPROVED]


def test_final_states_stay() -> None:
    """Everything but pending and approved is the end."""
    assert {state for state in RequestState if not state.final} == {RequestState.PENDING, RequestState.APPROVED}
