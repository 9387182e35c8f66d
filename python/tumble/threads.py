"""ASE calculators that several threads may share.

ASE keeps one pair of atoms and results in a calculator. Between the moment at which a thread sees that the atoms are
those of the results, and the moment at which it reads them, another thread may have put others there. Here each thread
has a pair of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes, compare_atoms

from tumble.forks import follow


@dataclass
class Calculation:
    """Atoms with their results; empty before the first."""

    atoms: Atoms | None = None
    results: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


class SharedCalculator(Calculator):
    """A calculator whose `atoms`, `results` and `details` are those of the calling thread's last calculation.

    A thread that has calculated nothing, or is asked for atoms that another thread has calculated last, takes over that
    calculation. Calculations take turns.
    """

    ignored_changes = {"initial_charges", "initial_magmoms"}

    def __init__(self, **parameters: Any):
        self._begin()
        self._latest = Calculation()
        # Changes when earlier calculations are no longer right, in no thread.
        self._age = 0
        super().__init__(**parameters)

    @property
    def atoms(self) -> Atoms | None:
        """Of this thread's last calculation."""
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
        """What else is known of this thread's last calculation."""
        return self._calculation.details

    @property
    def _calculation(self) -> Calculation:
        if getattr(self._mine, "age", None) != self._age or self._mine.calculation.atoms is None:
            self._take(self._latest)
        return self._mine.calculation

    def _take(self, calculation: Calculation) -> None:
        self._mine.age, self._mine.calculation = self._age, replace(calculation)

    def get_property(self, name: str, atoms: Atoms | None = None, allow_calculation: bool = True) -> Any:
        """As ASE's, in one turn. What a calculation has not given, it will not give when asked again."""
        with self._turns:
            known = atoms is not None and self.results and not self.check_state(atoms)
            if known and name in self.implemented_properties and name not in self.results:
                if not allow_calculation:
                    return None
                raise PropertyNotImplementedError(f"{name} is not known of this structure")
            return super().get_property(name, atoms, allow_calculation)

    def check_state(self, atoms: Atoms, tol: float = 1e-15) -> list[str]:
        """As ASE's: what has changed since this thread's last calculation, or since the last of all."""
        changes = super().check_state(atoms, tol)
        latest = self._latest
        if not changes or compare_atoms(latest.atoms, atoms, tol, excluded_properties=self.ignored_changes):
            return changes
        self._take(latest)
        return []

    def reset(self) -> None:
        """Forgets this thread's last calculation, and the last of all."""
        self._latest = Calculation()
        self._take(self._latest)

    def forget(self) -> None:
        """Forgets the calculations of all threads: parameters have changed."""
        self._age += 1
        self.reset()

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """All results at once: they cost the same."""
        with self._turns:
            # Should it fail, earlier results must not pass for those of these atoms.
            self.results = {}
            super().calculate(atoms, properties, system_changes)
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
        """In a child: a thread of the parent may have been at its turn."""
        self._turns = threading.RLock()
