"""What a stop leaves at a directory, whichever operation it comes before: changes are whole, or not made."""

from __future__ import annotations

from collections import Counter

import pytest

from directory_sync.endpoints.change import Change, Outcome, Result
from directory_sync.errors import LeaseLost, RunStopped
from tests.endpoints.conftest import Container
from tests.endpoints.test_ldap_exchanges import assert_rotated, people, rotation
from tests.scenarios import directories
from tests.scenarios.directories import person, update


class Stop:
    """Lets so many operations be sent, and stops then."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.asked = 0

    def __call__(self) -> None:
        self.asked += 1
        self.left -= 1
        if self.left < 0:
            raise RunStopped("Stopped by ann.", by="ann", reason="")


def carry_out(container: Container, changes: list[Change], stop: Stop) -> list[Outcome]:
    return list(container.destination().write(enumerate(changes), before_send=stop))


@pytest.mark.parametrize("after", range(10))
def test_an_exchange_of_names_is_never_left_in_the_middle(container: Container, after: int) -> None:
    """Four objects that pass their names on: each has its old name or its new one, none the one in between,
    and its outcome says which.
    """
    names = people(container, 4)
    changes = rotation(container.destination(), names)
    outcomes = {each.sequence: each for each in carry_out(container, changes, Stop(after))}
    assert set(outcomes) == set(range(4))
    assert len({each.result for each in outcomes.values()}) == 1, "all of them, or none"
    found = directories.records(container.source(filter="(uid=*)"), "cn")
    assert len(found) == 4
    by_person = {values["cn"][0]: dn for dn, values in found.items()}
    for sequence, change in enumerate(changes):
        number = change.object.partition(",")[0].removeprefix("uid=p")
        dn = by_person[f"person {number}".encode()]
        if outcomes[sequence].result is Result.DONE:
            assert dn == change.new_object
        else:
            assert outcomes[sequence].result in (Result.NOT_DONE, Result.FAILED)
            assert dn == change.object
    if after == 0:
        assert {each.result for each in outcomes.values()} == {Result.NOT_DONE}


def test_a_long_exchange_is_finished(container: Container) -> None:
    """Also where those that are still to come are more than are looked at ahead."""
    names = people(container, 400)
    outcomes = carry_out(container, rotation(container.destination(), names), Stop(3))
    assert [each.result for each in outcomes] == [Result.DONE] * 400
    assert_rotated(container, 400)


@pytest.mark.parametrize("after", range(8))
def test_a_change_of_several_operations_is_finished(container: Container, after: int) -> None:
    """Renamed and modified, or neither; what was not begun says who has stopped it."""
    names = people(container, 4)
    found = directories.records(container.destination(), "entryUUID")
    changes = [
        update(
            dn,
            {"uid": (f"p{n}", f"q{n}"), "title": (f"p{n}", "moved")},
            new_object=f"uid=q{n},{container.dn}",
            identity=found[dn]["entryUUID"][0],
        )
        for n, dn in enumerate(names)
    ]
    outcomes = carry_out(container, changes, Stop(after))
    told = Counter(each.result for each in outcomes)
    assert sum(told.values()) == 4
    assert set(told) <= {Result.DONE, Result.NOT_DONE}
    for outcome in outcomes:
        n = outcome.sequence
        done = outcome.result is Result.DONE
        dn = f"uid={'q' if done else 'p'}{n},{container.dn}"
        assert container.values(dn, "title")["title"] == [b"moved" if done else f"p{n}".encode()]
        assert done or "Stopped by ann." in outcome.message


def test_what_was_not_reached_needs_no_explanation(container: Container) -> None:
    """Objects in a container that was not created either are not made, and have not failed."""
    unit = f"ou=new,{container.dn}"
    changes = [
        directories.creation(unit, objectClass="organizationalUnit", ou="new"),
        person(f"uid=a,{unit}")._replace(after=(unit,)),
    ]
    outcomes = carry_out(container, changes, Stop(0))
    assert [each.result for each in outcomes] == [Result.NOT_DONE, Result.NOT_DONE]
    assert directories.records(container.source(filter="(|(ou=new)(uid=a))")) == {}


@pytest.mark.parametrize("after", range(3))
@pytest.mark.parametrize("sent", [1, 2, 3])
def test_an_exchange_that_an_earlier_attempt_has_begun_is_finished(
    container: Container, sent: int, after: int
) -> None:
    """As one that this attempt has begun."""
    changes = rotation(container.destination(), people(container, 3))
    with pytest.raises(LeaseLost):
        list(container.destination().write(enumerate(changes), before_send=Lost(sent)))
    list(container.destination().write(enumerate(changes), before_send=Stop(after), verify=range(3)))
    assert directories.records(container.source(filter="(uid=exchange*)")) == {}


class Lost(Stop):
    """Ends the attempt there, whatever is in the middle."""

    def __call__(self) -> None:
        try:
            super().__call__()
        except RunStopped:
            raise LeaseLost("gone") from None
