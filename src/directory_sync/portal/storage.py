"""The store that all routes of this process share, opened when it is first needed."""

from __future__ import annotations

import threading
from typing import Annotated

from fastapi import Depends

from directory_sync import settings
from directory_sync.store.store import Store

_lock = threading.Lock()
_opened: Store | None = None


def current_store() -> Store:
    """Dependency: the store.

    Raises StoreError or SettingsError while it cannot be opened; the next call tries again.
    """
    global _opened  # noqa: PLW0603 - one pool of connections for the whole process
    with _lock:
        if _opened is None:
            _opened = Store.open(settings.database_url())
        return _opened


def forget_store() -> None:
    """Have the next call open the store again, because it did not answer or the setting has changed."""
    global _opened
    with _lock:
        opened, _opened = _opened, None
    if opened is not None:
        opened.close()


CurrentStore = Annotated[Store, Depends(current_store)]
