"""Calculators for ASE: a model in the process, and a client of the force server.

    atoms.calc = Tumble("water-pet.onnx", rotate="octahedral", inversion=True)
    atoms.calc = TumbleClient("unix:/tmp/forces", rotate="octahedral", inversion=True)

Everything in ASE that takes a calculator then takes these.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.optimize.optimize import Optimizer
from ase.stress import full_3x3_to_voigt_6_stress

from tumble import options as wishes
from tumble.client import Answer, Client, check_address
from tumble.model import Evaluation, Model
from tumble.threads import SharedCalculator

if TYPE_CHECKING:
    from typing_extensions import Self

# Modules of ASE that compare energies or forces of several structures; optimizers besides.
COMPARING = ("ase.calculators.fd", "ase.mep", "ase.phonons", "ase.vibrations")


class _Averaged(SharedCalculator):
    """What both calculators share: parameters, the count of steps, and results."""

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
        self._warned = False
        super().__init__(**parameters)

    def set(self, **kwargs: Any) -> dict[str, Any]:
        """Changes parameters, from the next calculation on; what has changed. An error leaves all as it was.

        `step` counts on from the number that is set, also if that is the one before.
        """
        unknown = set(kwargs) - set(self.default_parameters)
        if unknown:
            raise ValueError(f"unknown parameters {sorted(unknown)}: there are {sorted(self.default_parameters)}")
        with self._turns:
            done = 0 if "step" in kwargs else self._done
            self._adopt({**self.parameters, **kwargs}, done)
            self._done = done
            changed = super().set(**kwargs)
            if changed or "step" in kwargs:
                self.forget()
            return changed

    @property
    def step(self) -> int:
        """Number of the next evaluation: what `step` was set to, and one for each evaluation since."""
        return self.parameters["step"] + self._done

    def _adopt(self, parameters: dict[str, Any], done: int) -> None:
        """Makes what calculates with these parameters, after so many evaluations; raises where they are wrong."""
        raise NotImplementedError

    def _evaluated(self) -> tuple[dict[str, Any], dict[str, Any]]:
        self._warn()
        # Nothing repeats along a vector of zero length.
        for axis, repeats, vector in zip("abc", self.atoms.pbc, self.atoms.cell.array, strict=True):
            if repeats and not vector.any():
                raise ValueError(
                    f"pbc repeats the structure along {axis}, but that cell vector is zero: set a cell, or pbc"
                )
        cell = np.where(self.atoms.pbc[:, None], self.atoms.cell.array, 0.0)
        return self._results(cell)

    def _results(self, cell: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        raise NotImplementedError

    def _warn(self) -> None:
        """Once, if random rotations meet a part of ASE that compares structures."""
        rotate = self.parameters["rotate"]
        if self._warned or "random" not in (rotate or "") or not (caller := _comparing()):
            return
        self._warned = True
        warnings.warn(
            f'{caller} compares energies or forces of several structures, but rotate="{rotate}" turns each evaluation '
            'differently: use a grid, as rotate="octahedral" with inversion=True',
            UserWarning,
            stacklevel=2,
        )

    def close(self) -> None:
        """Lets go of what calculates; the next calculation takes it up again."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Tumble(_Averaged):
    """Energy, forces, energies of the atoms and, if all three directions repeat, stress, of a model in this process.

    `results` holds these; `details` what else is known: "spread", the standard deviation over the rotations if there
    was more than one, {"energy": eV, "forces": eV/Å, root mean square, "energies": eV [N], "force_components": eV/Å [N,
    3]}; "torque" [3], eV, what broken symmetry leaves of it; "evaluations", how many rotated copies there were;
    "replica_energies" [R], eV, with "replica_weights" [R]; "ensemble_energies" [M], eV.

    `model` is the ONNX file; the other parameters are those of `tumble.Model`, and so are errors. The model is loaded
    here, and again when a parameter changes. Every evaluation counts `step` up by one, through `set` too: random
    rotations do not repeat. ASE keeps results while atoms stay as they are, so that a structure that is asked twice
    keeps its rotation; `set(step=...)` before each of several structures turns them alike.

    Several threads may share a calculator: each sees its own results, and evaluations take turns.
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
        tf32: bool | None = None,
    ):
        # Not among the parameters, which ASE writes to files: they are no physics.
        self._running = {"threads": threads, "memory": memory, "device": device, "onnxruntime": onnxruntime}
        self._running |= {"sha256": sha256, "tf32": tf32}
        self._model: Model | None = None
        options = {"rotate": rotate, "inversion": inversion, "seed": seed, "stream": stream, "step": step}
        super().__init__(model=os.fspath(model), **options, forces=forces, correction=correction)

    def _adopt(self, parameters: dict[str, Any], done: int) -> None:
        step = parameters["step"] + done
        if self._model is not None and {**parameters, "step": 0} == {**self.parameters, "step": 0}:
            self._model.step = step
            return
        # Loaded before the other is freed: both share what takes memory.
        model = self._load({**parameters, "step": step})
        self.close()
        self._model = model

    def _load(self, parameters: dict[str, Any]) -> Model:
        options = dict(parameters)
        return Model(options.pop("model"), **options, **self._running)

    def _results(self, cell: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        if self._model is None:
            self._model = self._load({**self.parameters, "step": self.step})
        found = self._model.evaluate(self.atoms.numbers.tolist(), self.atoms.positions, cell)
        self._done += 1
        results, details = _results(found, self.atoms), _details(found.extras)
        results["energies"] = found.energies
        if "spread" in details:
            details["spread"].update(energies=found.energy_spreads, force_components=found.force_spreads)
        return results, details

    def close(self) -> None:
        """Frees the model; the next calculation loads it again."""
        with self._turns:
            if self._model is not None:
                self._model.close()
                self._model = None


class TumbleClient(_Averaged):
    """Energy, forces and, if all three directions repeat, stress, of a force server.

    `results` holds these; `details` what else the server gives: "spread", {"energy": eV, "forces": eV/Å, root mean
    square}, the standard deviation over the rotations; "torque" [3], eV, what broken symmetry leaves of it;
    "evaluations", how many rotated copies there were; "replica_energies" [R], eV, with "replica_weights" [R];
    "ensemble_energies" [M], eV.

    It connects when it is first asked, and again when atoms, their elements or the periodic directions change. Every
    evaluation counts `step` up by one, through new connections too: random rotations do not repeat; `set(step=...)`
    before each of several structures turns them alike. Cell vectors along which nothing repeats are not sent. Positions
    are sent as they are, not wrapped. Several threads may share a calculator: each sees its own results, and
    evaluations take turns.

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
        check_address(address)
        # Not among the parameters, which ASE writes to files: one is no physics, the other secret.
        self._connection = {"address": address, "token": token, "timeout": timeout}
        self._client: Client | None = None
        # Atomic numbers and periodic directions that the client was made for.
        self._agreed: tuple[list[int], list[bool]] = ([], [])
        options = {"rotate": rotate, "inversion": inversion, "seed": seed, "stream": stream, "step": step}
        super().__init__(**options, forces=forces, correction=correction)

    def _adopt(self, parameters: dict[str, Any], done: int) -> None:
        # Whether the server takes them is known at the next connection.
        wishes.text(**parameters, token=self._connection["token"])
        self.close()

    def _results(self, cell: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        client = self._connected()
        # Counted before: a connection that breaks must not bring the same rotation again.
        self._done += 1
        found = client.evaluate(self.atoms.positions, cell)
        return _results(found, self.atoms), _details(found.extras)

    def _connected(self) -> Client:
        numbers, repeats = self.atoms.numbers.tolist(), self.atoms.pbc.tolist()
        if self._client is None or self._client.closed or self._agreed != (numbers, repeats):
            self.close()
            options = {**self.parameters, "step": self.step}
            self._client = Client(species=numbers, **self._connection, **options)
            self._agreed = (numbers, repeats)
        return self._client

    def close(self) -> None:
        """Ends the connection; the next calculation makes a new one."""
        with self._turns:
            if self._client is not None:
                self._client.close()
                self._client = None

    def __getstate__(self) -> dict[str, Any]:
        # A copy makes a connection of its own.
        return {**super().__getstate__(), "_client": None}


def _results(found: Answer | Evaluation, atoms: Atoms) -> dict[str, Any]:
    """ASE's properties, and nothing else."""
    results: dict[str, Any] = {"energy": found.energy, "free_energy": found.energy, "forces": found.forces}
    # Direct forces have no virial: it is not a number then.
    if atoms.pbc.all() and np.isfinite(found.virial).all():
        results["stress"] = full_3x3_to_voigt_6_stress(-found.virial / atoms.get_volume())
    return results


def _details(extras: dict[str, Any]) -> dict[str, Any]:
    details: dict[str, Any] = {key: extras[key] for key in ("evaluations",) if key in extras}
    if "energy_spread" in extras:
        details["spread"] = {"energy": extras["energy_spread"], "forces": extras["force_spread"]}
    for key in ("torque", "replica_energies", "replica_weights", "ensemble_energies"):
        if key in extras:
            details[key] = np.array(extras[key])
    return details


def _comparing() -> str | None:
    """The part of ASE that has called and compares structures, if there is one."""
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        # Dynamics is in the module of the optimizers too.
        if module.startswith("ase.optimize") and isinstance(optimizer := frame.f_locals.get("self"), Optimizer):
            return type(optimizer).__name__
        if module.startswith(COMPARING):
            return module
        frame = frame.f_back
    return None
