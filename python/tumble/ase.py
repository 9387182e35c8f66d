"""A calculator for ASE that asks a force server.

    atoms.calc = TumbleClient("unix:/tmp/forces", rotate="octahedral", inversion=True)

Everything in ASE that takes a calculator then takes this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from tumble.client import Answer, Client
from tumble.wire import ELECTRON_VOLT


class TumbleClient(Calculator):
    """Energy, forces and, if all three directions repeat, stress.

    `results` holds more, where the server gives it: "spread", {"energy": eV, "forces": eV/Å, root mean square}, the
    standard deviation over the rotations; "torque" [3], eV, what broken symmetry leaves of it; "evaluations", how many
    rotated copies there were; "replica_energies" [R] and "ensemble_energies" [M], eV.

    It connects when it is first asked, and again when atoms, their elements or the periodic directions change. Every
    evaluation counts `step` up by one, through new connections too: random rotations do not repeat. Cell vectors along
    which nothing repeats are not sent. Positions are sent as they are, not wrapped.

    Parameters are those of `tumble.client.Client`, and so are errors; the next calculation connects again.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]
    default_parameters = {
        "rotate": None,
        "inversion": None,
        "seed": None,
        "stream": 0,
        "step": 0,
        "forces": None,
        "correction": None,
    }
    ignored_changes = {"initial_charges", "initial_magmoms"}
    discard_results_on_any_change = True

    def __init__(
        self,
        address: str,
        rotate: str | None = None,
        inversion: bool | None = None,
        seed: int | None = None,
        stream: int = 0,
        step: int = 0,
        forces: str | None = None,
        correction: bool | None = None,
        token: str | None = None,
        timeout: float | None = None,
    ):
        # Not among the parameters, which ASE writes to files: one is no physics, the other secret.
        self._connection = {"address": address, "token": token, "timeout": timeout}
        self._client: Client | None = None
        # Atomic numbers and periodic directions that the client was made for, and how many evaluations there were.
        self._agreed: tuple[list[int], list[bool]] = ([], [])
        self._done = 0
        options = {"rotate": rotate, "inversion": inversion, "seed": seed, "stream": stream, "step": step}
        super().__init__(**options, forces=forces, correction=correction)

    def set(self, **kwargs: Any) -> dict[str, Any]:
        """Changes parameters, from the next calculation on; what has changed."""
        unknown = set(kwargs) - set(self.default_parameters)
        if unknown:
            raise ValueError(f"unknown parameters {sorted(unknown)}: there are {sorted(self.default_parameters)}")
        changed = super().set(**kwargs)
        if changed:
            self.close()
        if "step" in changed:
            self._done = 0
        return changed

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """All results at once: they cost the same."""
        super().calculate(atoms, properties, system_changes)
        client = self._connected()
        self._done += 1
        cell = np.where(self.atoms.pbc[:, None], self.atoms.cell.array, 0.0)
        self.results = _results(client.evaluate(self.atoms.positions, cell), self.atoms)

    def _connected(self) -> Client:
        numbers, repeats = self.atoms.numbers.tolist(), self.atoms.pbc.tolist()
        if self._client is None or self._client.closed or self._agreed != (numbers, repeats):
            self.close()
            options = {**self.parameters, "step": self.parameters["step"] + self._done}
            self._client = Client(species=numbers, **self._connection, **options)
            self._agreed = (numbers, repeats)
        return self._client

    def close(self) -> None:
        """Ends the connection; the next calculation makes a new one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def __enter__(self) -> TumbleClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _results(answer: Answer, atoms: Atoms) -> dict[str, Any]:
    results: dict[str, Any] = {"energy": answer.energy, "free_energy": answer.energy, "forces": answer.forces}
    # Direct forces have no virial: it is not a number then.
    if atoms.pbc.all() and np.isfinite(answer.virial).all():
        results["stress"] = full_3x3_to_voigt_6_stress(-answer.virial / atoms.get_volume())
    extras = answer.extras
    if "evaluations" in extras:
        results["evaluations"] = extras["evaluations"]
    if "energy_spread" in extras:
        results["spread"] = {"energy": extras["energy_spread"], "forces": extras["force_spread"]}
    if "torque" in extras:
        results["torque"] = np.array(extras["torque"])
    for key, name in (("o3grid_pots", "replica_energies"), ("committee_pot", "ensemble_energies")):
        if key in extras:
            results[name] = np.array(extras[key]) / ELECTRON_VOLT
    return results
