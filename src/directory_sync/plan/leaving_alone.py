"""Which objects are left alone although they have no record, in words."""

from __future__ import annotations

from directory_sync.plan.model import LeftAlone, WhyLeftAlone


def left_alone_text(item: LeftAlone, *, first: bool) -> str:
    """Which objects are left alone, why, and what to do about it. `first`: the job knows nothing yet."""
    more = item.count - len(item.examples)
    named = "; ".join(item.examples) + (f"; and {more} more" if more else "")
    objects = (
        "1 object that has no record is"
        if item.count == 1
        else f"{item.count} objects that have no record are"
    )
    match item.why:
        case WhyLeftAlone.UNKNOWN:
            why = "this job has neither created nor matched them in an earlier run"
            if first:
                why += (
                    " (it knows no objects yet: this is its first run, or its source or destination was"
                    " changed)"
                )
            remedy = (
                "Delete them by hand, narrow base or filter, or set remove: all if the job decides about all"
                " of them."
            )
        case WhyLeftAlone.UNIDENTIFIED:
            why = (
                "they show no entryUUID, objectGUID or nsUniqueId, so the job cannot tell whether it knows"
                " them"
            )
            remedy = "Let the connection's login read that attribute."
        case WhyLeftAlone.PLACE_UNIDENTIFIED:
            why = (
                "the top of the destination shows no entryUUID, objectGUID or nsUniqueId, so it is not known"
                " whether other jobs have records for them"
            )
            remedy = "Let the connection's login read that attribute there, or set remove: all."
        case WhyLeftAlone.HOLDS_OTHERS:
            why = "they hold other objects, which would go with them"
            remedy = "Move or delete those first."
        case _:
            why = f"job {item.by} has records for them"
            remedy = "Let one of the two jobs select other objects."
    return f"{objects} left alone: {why}. {remedy} {named}."
