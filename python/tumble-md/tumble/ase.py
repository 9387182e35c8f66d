"""Calculators for ASE: `Tumble` runs a model in this process, `TumbleClient` uses a force server.

    atoms.calc = Tumble("water-pet.onnx", rotate="octahedral", inversion=True)
    atoms.calc = Tumble(["a.onnx", "b.onnx", "c.onnx"])
    atoms.calc = TumbleClient("unix:/tmp/forces", rotate="octahedral", inversion=True)

Use them like any other ASE calculator.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.optimize.optimize import Optimizer
from ase.stress import full_3x3_to_voigt_6_stress

from tumble import options as wishes
from tumble.client import Answer, Client, check_address
from tumble.conditions import chosen, plain, words
from tumble.model import Evaluation, Files, Model, paths
from tumble.threads import SharedCalculator

if TYPE_CHECKING:
    from typing import Self

# ASE's names of properties that a model may have as outputs, and the shapes that ASE expects; "N" for the atoms.
OF_SOME_MODELS: dict[str, tuple[str | int, ...]] = {
    "dipole": (3,),
    "charges": ("N",),
    "magmom": (),
    "magmoms": ("N",),
    "dielectric_tensor": (3, 3),
    "born_effective_charges": ("N", 3, 3),
    "polarization": (3,),
}

# Modules of ASE that compare energies or forces of several structures. Optimizers are recognized by their class.
COMPARING = ("ase.calculators.fd", "ase.mep", "ase.phonons", "ase.vibrations")


# Entries of the extras that become arrays.
ARRAYS = ("torque", "replica_energies", "replica_weights", "ensemble_energies")
ARRAYS += ("force_deviations", "member_forces", "member_virials")


class _Averaged(SharedCalculator):
    """Base class of both calculators: parameters, the count of steps, and results."""

    default_parameters = {
        "rotate": None,
        "inversion": None,
        "seed": None,
        "stream": 0,
        "step": 0,
        "forces": None,
        "correction": None,
        "charge": None,
        "spin": None,
        "field": None,
    }

    def __init__(self, **parameters: Any):
        # Number of evaluations since `step` was set.
        self._done = 0
        self._warned = False
        super().__init__(**{**parameters, **plain(parameters)})

    def set(self, **kwargs: Any) -> dict[str, Any]:
        """Changes parameters from the next calculation on, and returns the changed ones. On an error the old ones stay.

        Setting `step` restarts the count at that number, even if the number is unchanged.
        """
        unknown = set(kwargs) - set(self.default_parameters)
        if unknown:
            raise ValueError(f"unknown parameters {sorted(unknown)}: there are {sorted(self.default_parameters)}")
        kwargs |= plain(kwargs)
        with self._turns:
            done = 0 if "step" in kwargs else self._done
            self._adopt({**self.parameters, **kwargs}, done)
            self._done = done
            changed = super().set(**kwargs)
            if changed or "step" in kwargs:
                self.forget()
            return changed

    @property
    def extra(self) -> dict[str, Any]:
        """The model's outputs besides energy and forces, by name, as a dipole; see `details["outputs"]`."""
        return self.details.get("outputs", {})

    @property
    def step(self) -> int:
        """Number of the next evaluation: `step` as set, plus the evaluations since then."""
        return self.parameters["step"] + self._done

    def _adopt(self, parameters: dict[str, Any], done: int) -> None:
        """Prepares calculations with these parameters, after `done` evaluations. Raises an error if invalid."""
        raise NotImplementedError

    def _evaluated(self) -> tuple[dict[str, Any], dict[str, Any]]:
        self._warn()
        return self._results(_cell(self.atoms))

    def _results(self, cell: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        raise NotImplementedError

    def _warn(self) -> None:
        """Warns once if a part of ASE compares structures under different random rotations."""
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
        """Frees the model or the connection; the next calculation opens it again."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Tumble(_Averaged):
    """An ASE calculator that runs a model in this process.

    `results` has energy, forces, energies per atom and, if all three directions are periodic, stress. `details` has

    - "spread": standard deviations over the rotations, if there was more than one: {"energy": eV, "forces": eV/Å, root
      mean square, "energies": eV [N], "force_components": eV/Å [N, 3]}
    - "torque" [3], eV: torque of the model on the whole system, zero for an invariant model
    - "evaluations": number of rotated copies
    - "replica_energies" [R], eV, and "replica_weights" [R]
    - "ensemble_energies" [M], eV
    - "outputs": the model's other outputs, by name: arrays of the structure (a number, [3] or [3, 3]) or of the atoms
      ([N], [N, 3] or [N, 3, 3]); "output_units": their units, by name; "output_spreads": their standard deviations.
      `extra` is "outputs"; those that ASE has a name for, as dipole and charges, are in `results` too.
    - of a committee: "energy_deviation", eV; "max_force_deviation" and "force_deviations" [N], eV/Å; "member_forces"
      [M, N, 3], eV/Å, and "member_virials" [M, 3, 3], eV

    `model` is the ONNX file, or a list of the files of a committee. For the other parameters and the errors see
    `tumble.Model`. The constructor loads the model; changing a parameter loads it again. Every evaluation increases
    `step` by one, also after `set`, so random rotations do not repeat. ASE keeps the results of unchanged atoms, so a
    structure keeps its rotation when asked for again. Call `set(step=...)` before each of several structures to give
    all of them the same rotation.

    `charge`, `spin` and `field` in `atoms.info` are those of a structure, in place of the parameters.

    Several threads may share a calculator: each sees its own results, and they evaluate in turn.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress", "energies"]
    default_parameters = {"model": None, **_Averaged.default_parameters}

    def __init__(
        self,
        model: Files,
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
        charge: float | None = None,
        spin: float | None = None,
        field: Sequence[float] | None = None,
    ):
        # Not among the parameters, which ASE writes to files: these do not change the physics.
        self._running = {"threads": threads, "memory": memory, "device": device, "onnxruntime": onnxruntime}
        self._running |= {"sha256": sha256, "tf32": tf32}
        self._model: Model | None = None
        options = {"rotate": rotate, "inversion": inversion, "seed": seed, "stream": stream, "step": step}
        options |= {"charge": charge, "spin": spin, "field": field}
        files = paths(model)
        super().__init__(model=files[0] if len(files) == 1 else files, **options, forces=forces, correction=correction)

    def _adopt(self, parameters: dict[str, Any], done: int) -> None:
        step = parameters["step"] + done
        if self._model is not None and {**parameters, "step": 0} == {**self.parameters, "step": 0}:
            self._model.step = step
            return
        # Loaded before the old one is freed: both share their memory.
        model = self._load({**parameters, "step": step})
        self.close()
        self._model = model

    def _load(self, parameters: dict[str, Any]) -> Model:
        options = dict(parameters)
        model = Model(options.pop("model"), **options, **self._running)
        own = [
            output["name"] for output in model.about["outputs"] if _shape(output) == OF_SOME_MODELS.get(output["name"])
        ]
        self.implemented_properties = [*Tumble.implemented_properties, *own]
        return model

    def _results(self, cell: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        if self._model is None:
            self._model = self._load({**self.parameters, "step": self.step})
        given = chosen(self.atoms.info)
        found = self._model.evaluate(self.atoms.numbers.tolist(), self.atoms.positions, cell, **given)
        self._done += 1
        return _with_atoms(found, self.atoms)

    def calculate_many(self, images: Iterable[Atoms]) -> None:
        """Calculates many structures at once, in a fraction of the time that they take one by one.

        Small structures share runs of the model, and `threads` share the runs. Each of the atoms gets a calculator of
        its own, ASE's SinglePointCalculator with the results, and with `details` as here, in place of the one that it
        had: `get_potential_energy` and the others return the results, and `ase.io.write` writes them. The structures
        have consecutive steps in their order. If one fails, the error names it, and all atoms keep their calculators.
        """
        if isinstance(images, Atoms):
            raise TypeError("images is a single Atoms: give a list of them")
        images = list(images)
        with self._turns:
            self._warn()
            if self._model is None:
                self._model = self._load({**self.parameters, "step": self.step})
            structures = [_given(number, atoms) for number, atoms in enumerate(images)]
            evaluations = self._model.evaluate(structures)
            self._done += len(evaluations)
        for atoms, found in zip(images, evaluations, strict=True):
            results, details = _with_atoms(found, atoms)
            atoms.calc = SinglePointCalculator(atoms, **results)
            atoms.calc.details = details

    def close(self) -> None:
        """Frees the model; the next calculation loads it again."""
        with self._turns:
            if self._model is not None:
                self._model.close()
                self._model = None


class TumbleClient(_Averaged):
    """An ASE calculator that uses a force server.

    `results` has energy, forces and, if all three directions are periodic, stress. `details` has

    - "spread": {"energy": eV, "forces": eV/Å, root mean square}, standard deviations over the rotations
    - "torque" [3], eV: torque of the model on the whole system, zero for an invariant model
    - "evaluations": number of rotated copies
    - "replica_energies" [R], eV, and "replica_weights" [R]
    - "ensemble_energies" [M], eV
    - "outputs", "output_units", "output_spreads": as in `Tumble`
    - of a committee: "energy_deviation", eV; "max_force_deviation" and "force_deviations" [N], eV/Å; "member_forces"
      [M, N, 3], eV/Å, and "member_virials" [M, 3, 3], eV

    The calculator connects at the first calculation, and again when elements, periodic directions or conditions
    (`charge`, `spin` and `field` in `atoms.info`) change. Every evaluation increases `step` by one, also over new
    connections, so random rotations do not repeat. Call `set(step=...)` before each of several structures to give all
    of them the same rotation. Positions are sent as they are, not wrapped, and cell vectors of non-periodic directions
    as zero. Several threads may share a calculator: each sees its own results, and they evaluate in turn.

    For the parameters and errors see `tumble.client.Client`; after an error the next calculation connects again.
    """

    # The properties of a model are known after the first calculation only.
    implemented_properties = ["energy", "free_energy", "forces", "stress", *OF_SOME_MODELS]

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
        charge: float | None = None,
        spin: float | None = None,
        field: Sequence[float] | None = None,
        token: str | None = None,
        timeout: float | None = None,
    ):
        check_address(address)
        # Not among the parameters, which ASE writes to files: these do not change the physics, and the token is secret.
        self._connection = {"address": address, "token": token, "timeout": timeout}
        self._client: Client | None = None
        # Atomic numbers, periodic directions and conditions of the open connection.
        self._agreed: tuple[list[int], list[bool], dict[str, str]] = ([], [], {})
        options = {"rotate": rotate, "inversion": inversion, "seed": seed, "stream": stream, "step": step}
        options |= {"charge": charge, "spin": spin, "field": field}
        super().__init__(**options, forces=forces, correction=correction)

    def _adopt(self, parameters: dict[str, Any], done: int) -> None:
        # The server checks them at the next connection.
        wishes.text(**{**parameters, **words(parameters)}, token=self._connection["token"])
        self.close()

    def _results(self, cell: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        client = self._connected()
        # Counted first: if the connection breaks, the next evaluation must not repeat the rotation.
        self._done += 1
        found = client.evaluate(self.atoms.positions, cell)
        return _results(found, self.atoms), _details(found.extras)

    def _connected(self) -> Client:
        agreed = self.atoms.numbers.tolist(), self.atoms.pbc.tolist(), words(self.atoms.info)
        if self._client is None or self._client.closed or self._agreed != agreed:
            self.close()
            options = {**self.parameters, **chosen(self.atoms.info), "step": self.step}
            self._client = Client(species=agreed[0], **self._connection, **options)
            self._agreed = agreed
        return self._client

    def close(self) -> None:
        """Closes the connection; the next calculation opens a new one."""
        with self._turns:
            if self._client is not None:
                self._client.close()
                self._client = None

    def __getstate__(self) -> dict[str, Any]:
        # A copy opens its own connection.
        return {**super().__getstate__(), "_client": None}


def _cell(atoms: Atoms) -> np.ndarray:
    """The cell vectors [3, 3], Å, zero along directions that are not periodic."""
    # A direction with a zero cell vector cannot be periodic.
    for axis, repeats, vector in zip("abc", atoms.pbc, atoms.cell.array, strict=True):
        if repeats and not vector.any():
            raise ValueError(
                f"pbc repeats the structure along {axis}, but that cell vector is zero: set a cell, or pbc"
            )
    return np.where(atoms.pbc[:, None], atoms.cell.array, 0.0)


def _given(number: int, atoms: Atoms) -> tuple[list[int], np.ndarray, np.ndarray, dict[str, Any]]:
    """A structure of a list for `Model.evaluate`; an error names it."""
    try:
        return atoms.numbers.tolist(), atoms.positions, _cell(atoms), chosen(atoms.info)
    except ValueError as error:
        raise ValueError(f"structures[{number}]: {error}") from None


def _with_atoms(found: Evaluation, atoms: Atoms) -> tuple[dict[str, Any], dict[str, Any]]:
    """Results and details, those per atom included."""
    results, details = _results(found, atoms), _details(found.extras)
    results["energies"] = found.energies
    if "spread" in details:
        details["spread"].update(energies=found.energy_spreads, force_components=found.force_spreads)
    return results, details


def _results(found: Answer | Evaluation, atoms: Atoms) -> dict[str, Any]:
    """The results under ASE's names of properties."""
    results: dict[str, Any] = {"energy": found.energy, "free_energy": found.energy, "forces": found.forces}
    # Without a stress from the model, direct forces have no virial: it is NaN.
    if atoms.pbc.all() and np.isfinite(found.virial).all():
        results["stress"] = full_3x3_to_voigt_6_stress(-found.virial / atoms.get_volume())
    return results | _of_ase(_outputs(found.extras), len(atoms))


def _shape(output: dict[str, str]) -> tuple[str | int, ...]:
    """The shape of a described output, as in `OF_SOME_MODELS`."""
    shapes: dict[str, tuple[str | int, ...]] = {"scalar": (), "vector": (3,), "tensor": (3, 3)}
    return (("N",) if output["per"] == "atom" else ()) + shapes[output["law"]]


def _of_ase(outputs: dict[str, Any], atoms: int) -> dict[str, Any]:
    """The outputs that ASE has a name for, if they have its shape."""

    def fits(name: str) -> bool:
        shape = OF_SOME_MODELS.get(name)
        return shape is not None and np.shape(outputs[name]) == tuple(atoms if n == "N" else n for n in shape)

    return {name: value for name, value in outputs.items() if fits(name)}


def _outputs(extras: dict[str, Any], suffix: str = "") -> dict[str, Any]:
    """The model's other outputs, or their spreads, by name."""
    names = [name for name in extras.get("outputs", []) if f"{name}{suffix}" in extras]
    values = {name: np.array(extras[f"{name}{suffix}"]) for name in names}
    return {name: value if value.shape else float(value) for name, value in values.items()}


def _details(extras: dict[str, Any]) -> dict[str, Any]:
    numbers = ("evaluations", "energy_deviation", "max_force_deviation")
    details: dict[str, Any] = {key: extras[key] for key in numbers if key in extras}
    if "energy_spread" in extras:
        details["spread"] = {"energy": extras["energy_spread"], "forces": extras["force_spread"]}
    for key in ARRAYS:
        if key in extras:
            details[key] = np.array(extras[key])
    if "outputs" in extras:
        details["outputs"], spreads = _outputs(extras), _outputs(extras, "_spread")
        details["output_units"] = dict(zip(extras["outputs"], extras["output_units"], strict=True))
        if spreads:
            details["output_spreads"] = spreads
    return details


def _comparing() -> str | None:
    """Name of the optimizer or module of ASE in the call stack that compares structures, if there is one."""
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        # Molecular dynamics is also in the module of the optimizers.
        if module.startswith("ase.optimize") and isinstance(optimizer := frame.f_locals.get("self"), Optimizer):
            return type(optimizer).__name__
        if module.startswith(COMPARING):
            return module
        frame = frame.f_back
    return None
