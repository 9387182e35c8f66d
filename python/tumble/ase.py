"""Calculators for ASE: a model in the process, and a client of the force server.

    atoms.calc = Tumble("water-pet.onnx", rotate="octahedral", inversion=True)
    atoms.calc = TumbleClient("unix:/tmp/forces", rotate="octahedral", inversion=True)

Everything in ASE that takes a calculator then takes these.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from tumble.client import Answer, Client
from tumble.model import Evaluation, Model
from tumble.wire import ELECTRON_VOLT

if TYPE_CHECKING:
    from typing_extensions import Self


class _Averaged(Calculator):
    """What both calculators share: parameters, the count of steps, and results."""

    ignored_changes = {"initial_charges", "initial_magmoms"}
    discard_results_on_any_change = True
    default_parameters = {
        "rotate": None,
        "inversion": None,
        "seed": None,
        "stream": 0,
        "step": 0,
        "forces": None,
        "correction": None,
    }

    def __init__(self, **parameters: Any):
        # How many evaluations there were since `step` was set.
        self._done = 0
        super().__init__(**parameters)

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
        # Nothing repeats along a vector of zero length.
        self.results = self._evaluated(np.where(self.atoms.pbc[:, None], self.atoms.cell.array, 0.0))

    def _evaluated(self, cell: np.ndarray) -> dict[str, Any]:
        raise NotImplementedError

    def _options(self) -> dict[str, Any]:
        """Parameters for what starts now."""
        return {**self.parameters, "step": self.parameters["step"] + self._done}

    def close(self) -> None:
        """Lets go of what calculates; the next calculation takes it up again."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Tumble(_Averaged):
    """Energy, forces, energies of the atoms and, if all three directions repeat, stress, of a model in this process.

    `results` holds more: "spread", the standard deviation over the rotations if there was more than one, {"energy": eV,
    "forces": eV/Å, root mean square, "energies": eV [N], "force_components": eV/Å [N, 3]}; "torque" [3], eV, what
    broken symmetry leaves of it; "evaluations", how many rotated copies there were; "replica_energies" [R] and
    "ensemble_energies" [M], eV.

    `model` is the ONNX file; the other parameters are those of `tumble.Model`, and so are errors. The model is loaded
    when first asked, and again when a parameter changes. Every evaluation counts `step` up by one, through `set` too:
    random rotations do not repeat. ASE keeps results while atoms stay as they are, so that a structure that is asked
    twice keeps its rotation.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress", "energies"]
    default_parameters = {"model": None, **_Averaged.default_parameters}

    def __init__(
        self,
        model: str | os.PathLike[str],
        rotate: str | None = None,
        inversion: bool | None = None,
        seed: int | None = None,
        stream: int = 0,
        step: int = 0,
        forces: str | None = None,
        correction: bool | None = None,
        threads: int | None = None,
        memory: int | None = None,
        device: str | None = None,
        onnxruntime: str | os.PathLike[str] | None = None,
        sha256: str | None = None,
    ):
        # Not among the parameters, which ASE writes to files: they are no physics.
        self._running = {"threads": threads, "memory": memory, "device": device, "onnxruntime": onnxruntime}
        self._running["sha256"] = sha256
        self._model: Model | None = None
        options = {"rotate": rotate, "inversion": inversion, "seed": seed, "stream": stream, "step": step}
        super().__init__(model=os.fspath(model), **options, forces=forces, correction=correction)

    def _evaluated(self, cell: np.ndarray) -> dict[str, Any]:
        found = self._loaded().evaluate(self.atoms.numbers.tolist(), self.atoms.positions, cell)
        self._done += 1
        results = _results(found, self.atoms)
        results["energies"] = found.energies
        if "spread" in results:
            results["spread"].update(energies=found.energy_spreads, force_components=found.force_spreads)
        return results

    def _loaded(self) -> Model:
        if self._model is None:
            options = self._options()
            self._model = Model(options.pop("model"), **options, **self._running)
        return self._model

    def close(self) -> None:
        """Frees the model; the next calculation loads it again."""
        if self._model is not None:
            self._model.close()
            self._model = None


class TumbleClient(_Averaged):
    """Energy, forces and, if all three directions repeat, stress, of a force server.

    `results` holds more, where the server gives it: "spread", {"energy": eV, "forces": eV/Å, root mean square}, the
    standard deviation over the rotations; "torque" [3], eV, what broken symmetry leaves of it; "evaluations", how many
    rotated copies there were; "replica_energies" [R] and "ensemble_energies" [M], eV.

    It connects when it is first asked, and again when atoms, their elements or the periodic directions change. Every
    evaluation counts `step` up by one, through new connections too: random rotations do not repeat. Cell vectors along
    which nothing repeats are not sent. Positions are sent as they are, not wrapped.

    Parameters are those of `tumble.client.Client`, and so are errors; the next calculation connects again.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]

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
        # Atomic numbers and periodic directions that the client was made for.
        self._agreed: tuple[list[int], list[bool]] = ([], [])
        options = {"rotate": rotate, "inversion": inversion, "seed": seed, "stream": stream, "step": step}
        super().__init__(**options, forces=forces, correction=correction)

    def _evaluated(self, cell: np.ndarray) -> dict[str, Any]:
        client = self._connected()
        # Counted before: a connection that breaks must not bring the same rotation again.
        self._done += 1
        return _results(client.evaluate(self.atoms.positions, cell), self.atoms)

    def _connected(self) -> Client:
        numbers, repeats = self.atoms.numbers.tolist(), self.atoms.pbc.tolist()
        if self._client is None or self._client.closed or self._agreed != (numbers, repeats):
            self.close()
            self._client = Client(species=numbers, **self._connection, **self._options())
            self._agreed = (numbers, repeats)
        return self._client

    def close(self) -> None:
        """Ends the connection; the next calculation makes a new one."""
        if self._client is not None:
            self._client.close()
            self._client = None


def _results(found: Answer | Evaluation, atoms: Atoms) -> dict[str, Any]:
    results: dict[str, Any] = {"energy": found.energy, "free_energy": found.energy, "forces": found.forces}
    # Direct forces have no virial: it is not a number then.
    if atoms.pbc.all() and np.isfinite(found.virial).all():
        results["stress"] = full_3x3_to_voigt_6_stress(-found.virial / atoms.get_volume())
    extras = found.extras
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
