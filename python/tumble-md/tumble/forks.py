"""Replaces locks after a fork: a child inherits held locks, but not the threads that would release them."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forked(Protocol):
    """An object with locks."""

    def forked(self) -> None:
        """Makes new locks; called first of all in the child."""


_ALL: WeakSet[Forked] = WeakSet()


def follow(holder: Forked) -> None:
    """Registers an object: each forked child calls its `forked`."""
    _ALL.add(holder)


def _tell() -> None:
    for holder in list(_ALL):
        holder.forked()


os.register_at_fork(after_in_child=_tell)
