"""The states of a request."""

from __future__ import annotations

from directory_sync.approval.states import LABELS, RequestState


def test_every_state_has_a_label_of_its_own() -> None:
    """No state is forgotten when one is added, and people can tell them apart."""
    assert set(LABELS) == set(RequestState)
    assert len(set(LABELS.values())) == len(RequestState)
