"""What is held locked while a process forks: the child has the lock, but not the thread that would let go of it."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forked(Protocol):
    """Something with locks."""

    def forked(self) -> None:
        """Takes new locks; called in the child, before anything else is."""


_ALL: WeakSet[Forked] = WeakSet()


def follow(holder: Forked) -> None:
    """Has it told in each child of this process."""
    _ALL.add(holder)


def _tell() -> None:
    for holder in list(_ALL):
        holder.forked()


os.register_at_fork(after_in_child=_tell)
