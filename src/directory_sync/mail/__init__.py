"""Mail about requests: who hears of what, in which words, and that it arrives.

Sends through whatever it is given.
"""

from __future__ import annotations

from datetime import timedelta

MAX_AGE = timedelta(days=7)
"""What happened longer ago is not mailed when mail is switched on."""
