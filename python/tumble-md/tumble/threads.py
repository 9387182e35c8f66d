"""ASE calculators that several threads may share.

ASE keeps one pair of atoms and results in a calculator. After a thread has checked that the results belong to its
atoms, and before it reads them, another thread may replace them. Here each thread has its own pair.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes, compare_atoms

from tumble.conditions import words
from tumble.forks import follow


@dataclass
class Calculation:
    """Atoms with their results; empty before the first."""

    atoms: Atoms | None = None
    results: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


class SharedCalculator(Calculator):
    """A calculator with separate `atoms`, `results` and `details` for each thread, from its last calculation.

    A thread takes over the latest calculation of all threads if it has none of its own, or if that is for the requested
    atoms. Threads calculate in turn.
    """

    ignored_changes = {"initial_charges", "initial_magmoms"}

    def __init__(self, **parameters: Any):
        self._begin()
        self._latest = Calculation()
        # Increases when the earlier calculations of all threads become invalid.
        self._age = 0
        super().__init__(**parameters)

    @property
    def atoms(self) -> Atoms | None:
        """Atoms of this thread's last calculation."""
        return self._calculation.atoms

    @atoms.setter
    def atoms(self, atoms: Atoms | None) -> None:
        self._calculation.atoms = atoms

    @property
    def results(self) -> dict[str, Any]:
        """ASE's properties of this thread's last calculation."""
        return self._calculation.results

    @results.setter
    def results(self, results: dict[str, Any]) -> None:
        self._calculation.results = results

    @property
    def details(self) -> dict[str, Any]:
        """Further results of this thread's last calculation."""
        return self._calculation.details

    @property
    def _calculation(self) -> Calculation:
        if getattr(self._mine, "age", None) != self._age or self._mine.calculation.atoms is None:
            self._take(self._latest)
        return self._mine.calculation

    def _take(self, calculation: Calculation) -> None:
        self._mine.age, self._mine.calculation = self._age, replace(calculation)

    def get_property(self, name: str, atoms: Atoms | None = None, allow_calculation: bool = True) -> Any:
        """Returns a property as in ASE, under the lock. A property missing from the results is an error: a second run
        cannot add it."""
        with self._turns:
            known = atoms is not None and self.results and not self.check_state(atoms)
            if known and name in self.implemented_properties and name not in self.results:
                if not allow_calculation:
                    return None
                raise PropertyNotImplementedError(f"{name} is not known of this structure")
            return super().get_property(name, atoms, allow_calculation)

    def check_state(self, atoms: Atoms, tol: float = 1e-15) -> list[str]:
        """Changes of the atoms since this thread's last calculation, or since the latest of all threads, as in ASE."""
        changes = self._changes(self.atoms, atoms, tol)
        latest = self._latest
        if not changes or self._changes(latest.atoms, atoms, tol):
            return changes
        self._take(latest)
        return []

    def _changes(self, before: Atoms | None, atoms: Atoms, tol: float) -> list[str]:
        """Changes of the atoms as in ASE, and of the conditions in their `info`."""
        changes = compare_atoms(before, atoms, tol, excluded_properties=self.ignored_changes)
        same = before is not None and words(before.info) == words(atoms.info)
        return changes if changes or same else ["info"]

    def reset(self) -> None:
        """Forgets this thread's last calculation, and the latest of all threads."""
        self._latest = Calculation()
        self._take(self._latest)

    def forget(self) -> None:
        """Forgets the calculations of all threads, after a change of parameters."""
        self._age += 1
        self.reset()

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Calculates all results at once, at the same cost as one."""
        with self._turns:
            # If this fails, earlier results must not be taken for those of these atoms.
            self.results = {}
            super().calculate(atoms, properties, system_changes)
            if self.atoms is not None:
                # ASE copies the dict only: a field that is changed in place must not change here too.
                self.atoms.info = deepcopy(self.atoms.info)
            calculation = self._calculation
            calculation.results, calculation.details = self._evaluated()
            self._latest = replace(calculation)

    def _evaluated(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Results and details of `atoms`."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        with self._turns:
            kept = {key: value for key, value in self.__dict__.items() if key not in ("_turns", "_mine")}
            return {**kept, "_latest": replace(self._calculation)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()

    def _begin(self) -> None:
        self._turns, self._mine = threading.RLock(), threading.local()
        follow(self)

    def forked(self) -> None:
        """Called in a forked child: a thread of the parent may have held the lock."""
        self._turns = threading.RLock()
