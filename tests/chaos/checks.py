"""What must hold after a fault, and what must hold in the end; each check returns what is wrong, a line
each.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.chaos.directories import Content, comparable, differences, form
from tests.chaos.model import Case
from tests.chaos.stores import ChaosStore, PlanSeen

_DONE = ("done", "found_done")
_SETTLED = ("not_done", "uncertain")
"""What is found out about a plan that broke off: the next one sees to it."""
_UNCLEAR = re.compile(
    r"Traceback \(most recent call last\)|unexpected (error|\w*Error|\w*Exception)\b|^\s*File \".*\", line",
    re.MULTILINE,
)


def objects(case: Case, found: Content, identities: dict[str, str], before: dict[str, str]) -> Iterator[str]:
    """At any time: nobody who stays was lost or made anew, nothing unmanaged has changed, nothing has come
    that nobody wants.
    """
    for uid in sorted(case.stays):
        if identities.get(uid) != before[uid]:
            yield f"{uid} was {'made anew' if uid in identities else 'lost'}"
    was, will = comparable(case.before), comparable(case.expected)
    for dn, values in was.items():
        if "cn=guest" in dn and found.get(dn) != values:
            yield f"{dn} is not managed and has changed: {found.get(dn)}"
    wanted = {uid for values in (*was.values(), *will.values()) for uid in values.get("uid", ())}
    yield from (f"{uid} is wanted by nobody" for uid in identities.keys() - wanted)
    for dn, values in found.items():
        for name, held in values.items():
            known = {
                value for state in (was, will) for entry in state.values() for value in entry.get(name, ())
            }
            # In the middle of a rename a reference may name what is only on its way.
            if name not in {"member", "manager"} and not set(held) <= known:
                yield f"{dn}: {name} has a value that is neither old nor new: {held}"


def final(case: Case, found: Content) -> Iterator[str]:
    """In the end: the destination is what the rules say."""
    yield from differences(found, comparable(case.expected))


def truth(store: ChaosStore, found: Content, identities: dict[str, str], *, contested: bool) -> Iterator[str]:
    """Whatever is recorded as done is there; nothing was refused or in conflict unless two runs worked at the
    same time.
    """
    present = set(identities.values())
    people = {values["uid"][0]: (dn, values) for dn, values in found.items() if "uid" in values}
    for plan in store.plans():
        for place, result in plan.outcomes.items():
            change = plan.changes[place]
            if result in _SETTLED:
                continue
            if result not in _DONE:
                if not contested:
                    yield (
                        f"plan {plan.id}, {change['action']} {change['object']}: {result}:"
                        f" {plan.messages[place]}"
                    )
                continue
            yield from (
                f"plan {plan.id} says {result}, but {what}"
                for what in _not_there(plan, change, found, people, present)
            )


def _not_there(
    plan: PlanSeen,
    change: dict[str, Any],
    found: Content,
    people: dict[str, tuple[str, dict[str, list[str]]]],
    present: set[str],
) -> Iterator[str]:
    if change["action"] == "delete":
        if change.get("identity") in present or (plan.job == "groups" and form(change["object"]) in found):
            yield f"{change['object']} is still there"
        return
    final_dn = form(change.get("new_object") or change["object"])
    if plan.job == "people" and change["action"] != "move":
        dn, values = people.get(change["key"], ("", {}))
    else:
        dn, values = (final_dn, found.get(final_dn, {}))
    if dn != final_dn or not values:
        yield f"{final_dn} is not there ({dn or 'nowhere'})"
        return
    for field in change["fields"]:
        held = set(values.get(field["field"], ()))
        old, new = ({_value(field["field"], value) for value in field[which]} for which in ("old", "new"))
        if not new <= held or (old - new) & held:
            yield f"{final_dn}: {field['field']} is {sorted(held)}, not {sorted(new)}"


def _value(field: str, value: Any) -> str:
    text = base64.b64decode(value["base64"]).decode() if isinstance(value, dict) else str(value)
    return form(text) if field in {"member", "manager"} else text


def finished(store: ChaosStore) -> Iterator[str]:
    """In the end: leases are free, and the last plan of each job is carried out whole, with an outcome for
    each change.
    """
    if leases := store.count("lease"):
        yield f"{leases} leases are not free"
    last = {plan.job: plan for plan in store.plans()}
    for plan in last.values():
        if plan.state != "success" or plan.outcomes.keys() != plan.changes.keys():
            yield (
                f"plan {plan.id} of {plan.job} is {plan.state} with {len(plan.outcomes)} of"
                f" {len(plan.changes)} outcomes"
            )
    states = store.rows(
        "SELECT state FROM {p}collection_run WHERE finished IS NOT NULL ORDER BY finished DESC LIMIT 1"
    )
    if states != [("success",)]:
        yield f"the last run is {states}"


def files(temporary: Path, folder: Path) -> Iterator[str]:
    """Nothing temporary is left."""
    for path in (*temporary.rglob("*"), *folder.glob("directory-sync-*")):
        if path.is_file():
            yield f"{path} is left behind"


def words(text: str) -> Iterator[str]:
    """What was printed is meant for people: no traceback, nothing unexpected."""
    if found := _UNCLEAR.search(text):
        start = max(0, found.start() - 200)
        yield f"unclear message: {text[start : found.end() + 1500]}"
