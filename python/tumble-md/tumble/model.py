"""A model that runs in this process.

    model = Model("water-pet.onnx", rotate="octahedral", inversion=True)
    found = model.evaluate(["O", "H", "H"], positions)
    print(found.energy, found.energy_spread)
    for found in model.evaluate([(["O", "H", "H"], positions), (["H", "H"], others)]):
        print(found.energy)

It needs NumPy, and the library from the wheel or from `make library`.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import index
from threading import Lock
from typing import Any, TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tumble import conditions, options
from tumble.atoms import in_python
from tumble.elements import atomic_number
from tumble.forks import follow
from tumble.library import DOUBLES, ENDED, INTERRUPTED, INTS, library, onnx_runtime

Array = NDArray[np.float64]
# A structure of a list: its species and positions, its cell if it has one, and its conditions by name.
Given: TypeAlias = (
    tuple[Sequence[str | int], ArrayLike]
    | tuple[Sequence[str | int], ArrayLike, ArrayLike | None]
    | tuple[Sequence[str | int], ArrayLike, ArrayLike | None, Mapping[str, Any]]
)

# One file, or those of a committee.
Files: TypeAlias = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

Result = TypeVar("Result")

# The structure in an error of several.
NAMED = re.compile(r"structure (\d+) of \d+: ")


class ModelError(RuntimeError):
    """A model could not be loaded or evaluated. The message gives the reason."""


@dataclass(frozen=True)
class Evaluation:
    """Results for one structure of N atoms. Spreads are standard deviations over the rotations; None if there was
    only one rotation.
    """

    # eV
    energy: float
    # [N, 3], eV/Å
    forces: Array
    # [3, 3]: -dE/d(strain), eV; NaN if the model does not give it
    virial: Array
    # [N], eV: their sum is the energy
    energies: Array
    # eV
    energy_spread: float | None
    # eV/Å, root mean square over all components
    force_spread: float | None
    # [N], eV
    energy_spreads: Array | None
    # [N, 3], eV/Å
    force_spreads: Array | None
    # Further results, with the keys of tumble_details() in include/tumble.h, in eV and Å.
    extras: dict[str, Any]


class Model:
    """A model from an ONNX file, averaged over rotations; or a committee, from a list of files.

    The results of a committee are means over its models. In `Evaluation.extras` are then, besides the
    `ensemble_energies`, `energy_deviation` (eV), `max_force_deviation` and `force_deviations` [N] (eV/Å),
    `member_forces` [M][N][3] (eV/Å) and `member_virials` [M][3][3] (eV), where M is the number of models.

    - `rotate`: none (the default), random, random:N, tetrahedral, octahedral, icosahedral, degree:N, legendre:L or
      lebedev:L; a grid may be followed by +random
    - `inversion`: whether to add the inversion of every rotation
    - `seed`, `stream` (up to 65535): select the random rotations
    - `step`: number of the first structure; it increases by one with every evaluation and selects the random rotations
    - `forces`: "conservative" or "direct"; None is the model's preference
    - `correction`: whether to return averaged minus bare; with `rotate` or `inversion`
    - `threads`: CPU threads of the model: each evaluates other rotations or structures, or all work on one
    - `memory`: working memory of the model, MB
    - `device`: "cpu" or "cuda"
    - `onnxruntime`: the ONNX Runtime library or its folder; None takes this Python's package, or searches elsewhere
    - `sha256`: SHA-256 that the model must have, 64 hexadecimal digits; any other file is refused
    - `tf32`: whether a GPU may round products in single precision to TF32; with `device` "cuda"
    - `charge` (e), `spin` (the multiplicity 2S + 1), `field` [3] (V/Å): conditions of structures that have none of
      their own, for models that know them; `about["conditions"]` lists those that the model needs

    The constructor warns about problems of the setup, such as more threads than processors.

    Raises ModelError if the library refuses, and ValueError for arrays of the wrong shape. Several threads may use a
    model, in turn. Forked children, for instance of multiprocessing, may use it too: each loads the model again at its
    first evaluation. Ctrl-C ends an evaluation.
    """

    def __init__(
        self,
        file: Files,
        *,
        rotate: str | None = None,
        inversion: bool | None = None,
        seed: int | None = None,
        stream: int | None = None,
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
        field: ArrayLike | None = None,
    ):
        self._handle: int | None = None
        self._begin()
        self._files = paths(file)
        self._options: dict[str, Any] = {
            "rotate": rotate,
            "inversion": inversion,
            "seed": seed,
            "stream": stream,
            "forces": forces,
            "correction": correction,
            "threads": threads,
            "memory": memory,
            "device": device,
            "onnxruntime": None if onnxruntime is None else os.fspath(onnxruntime),
            "sha256": sha256,
            "tf32": tf32,
            **conditions.words({"charge": charge, "spin": spin, "field": field}),
        }
        # Structures since step `_first`, and the beads of a step.
        self._first, self._done, self._beads = step, 0, (1, False)
        self._load()
        for note in self.about["notes"]:
            warnings.warn(note, stacklevel=2)

    @property
    def step(self) -> int:
        """Number of the next structure, which selects its random rotations.

        To compare structures under the same rotation, set the same number before each."""
        return self._first + self._done // self._beads[0]

    @step.setter
    def step(self, step: int) -> None:
        if not 0 <= step < 2**63:
            raise ValueError(f"step is {step}: give a whole number from 0 to {2**63 - 1}")
        with self._lock:
            self._check(self._library.tumble_set_step(self._live(), index(step)))
            self._first, self._done = index(step), 0

    def set_beads(self, count: int, shared: bool = False) -> None:
        """Takes the structures as beads of ring polymers: bead by bead, `count` for each step.

        The beads of a step have independent random rotations; with `shared`, they have the same. The next structure is
        the first bead of its step."""
        with self._lock:
            self._check(self._library.tumble_set_beads(self._live(), index(count), shared))
            self._first, self._done, self._beads = self.step, 0, (count, shared)

    def _begin(self) -> None:
        self._lock, self._torn = Lock(), False
        follow(self)

    def forked(self) -> None:
        """Called in a forked child: abandons a model in use by another thread of the parent, and loads it later."""
        self._torn = self._torn or self._lock.locked()
        self._lock = Lock()

    def _load(self) -> None:
        chosen = {**self._options, "onnxruntime": self._options["onnxruntime"] or onnx_runtime(), "step": self.step}
        self._library = library()
        files = (ctypes.c_char_p * len(self._files))(*map(os.fsencode, self._files))
        self._handle = self._library.tumble_load_committee(len(files), files, options.text(**chosen).encode())
        if not self._handle:
            raise self._error()
        if self._beads != (1, False):
            self._check(self._library.tumble_set_beads(self._handle, *self._beads))

    @overload
    def evaluate(
        self,
        species: Sequence[str | int],
        positions: ArrayLike,
        cell: ArrayLike | None = None,
        *,
        charge: float | None = None,
        spin: float | None = None,
        field: ArrayLike | None = None,
    ) -> Evaluation: ...

    @overload
    def evaluate(self, species: Iterable[Given]) -> list[Evaluation]: ...

    def evaluate(
        self,
        species: Sequence[str | int] | Iterable[Given],
        positions: ArrayLike | None = None,
        cell: ArrayLike | None = None,
        **given: Any,
    ) -> Evaluation | list[Evaluation]:
        """Energy, forces, virial and their spreads of one structure, or of each structure of a list.

        `species` [N] are symbols or atomic numbers, `positions` [N, 3] in Å, wrapped or not. The rows of `cell` [3, 3]
        are the cell vectors, Å; without a cell, or along zero vectors, nothing is periodic. `charge`, `spin` and
        `field` are those of this structure, as in the constructor.

        A list holds (species, positions), (species, positions, cell) or (species, positions, cell, {"charge": -1, …})
        of each structure, and its results come in the same order. Small structures share runs of the model, which takes
        a fraction of the time, and `threads` share the runs. If one of the structures fails, the error names it, and
        none has results.
        """
        if positions is not None:
            return self._evaluate([Structure.read(species, positions, cell, given)])[0]
        for name in [*(["cell"] if cell is not None else []), *given]:
            raise ValueError(
                f"{name} is given without positions: give both, or a list of (species, positions, cell, conditions)"
            )
        listed = list(species)
        for number, structure in enumerate(listed):
            if isinstance(structure, str) or not isinstance(structure, Sequence) or len(structure) not in (2, 3, 4):
                raise ValueError(
                    f"structures[{number}] is {structure!r}: give (species, positions), and then the cell and the "
                    "conditions if there are any"
                )
        structures = [_read(number, structure) for number, structure in enumerate(listed)]
        return self._evaluate(structures) if structures else []

    def _evaluate(self, structures: list[Structure]) -> list[Evaluation]:
        return self._read(structures, self._evaluation)

    def _read(self, structures: list[Structure], read: Callable[[int, float, Array, Array], Result]) -> list[Result]:
        """Evaluates structures, and reads their results one by one: index, energy, forces, virial."""
        with self._lock:
            try:
                return [read(index, *found) for index, found in enumerate(self._compute(structures))]
            except ModelError as error:
                raise ModelError(_located(str(error), structures)) from None

    def _compute(self, structures: list[Structure]) -> list[tuple[float, Array, Array]]:
        """Energy, forces and virial of each structure; the lock is held."""
        count, handle = len(structures), self._live()
        atoms = np.array([len(structure.numbers) for structure in structures], np.intc)
        numbers = np.concatenate([structure.numbers for structure in structures])
        cells = np.stack([structure.cell for structure in structures])
        positions = np.concatenate([structure.positions for structure in structures])
        self._set_conditions(np.stack([structure.conditions for structure in structures]))
        energies, forces, virials = np.empty(count), np.empty_like(positions), np.empty_like(cells)
        # A signal handler of the user's own is called after the evaluation.
        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        self._check(self._library.tumble_watch(handle, INTERRUPTED if usual else None))
        given = (atoms.ctypes.data_as(INTS), numbers.ctypes.data_as(INTS), *map(_pointer, (cells, positions)))
        found = map(_pointer, (energies, forces, virials))
        status = self._library.tumble_compute_many(handle, count, *given, *found)
        if status == ENDED:
            raise KeyboardInterrupt
        self._check(status)
        self._done += count
        ends = np.cumsum(atoms)
        split = [forces[end - own : end] for own, end in zip(atoms, ends, strict=True)]
        return list(zip(energies.tolist(), split, virials, strict=True))

    def _set_conditions(self, given: Array) -> None:
        """Sets charge, spin and field [structures, 5] of the next evaluation."""
        if np.isnan(given).all():
            return
        parts = [np.ascontiguousarray(part) for part in (given[:, 0], given[:, 1], given[:, 2:])]
        self._check(self._library.tumble_set_conditions(self._live(), len(given), *map(_pointer, parts)))

    def _evaluation(self, structure: int, energy: float, forces: Array, virial: Array) -> Evaluation:
        """Adds the further results of one of the last structures."""
        handle, library, atoms = self._handle, self._library, len(forces)
        self._check(library.tumble_select(handle, structure))
        extras = json.loads(library.tumble_details(handle))
        several = extras["evaluations"] > 1
        energies, spreads = np.empty((2, atoms)), np.empty(2)
        force_spreads = np.empty((atoms, 3)) if several else None
        per_atom = (energies[0], energies[1] if several else None, force_spreads)
        self._check(library.tumble_per_atom(handle, atoms, *map(_pointer, per_atom)))
        if several:
            self._check(library.tumble_spread(handle, _pointer(spreads[:1]), _pointer(spreads[1:])))
        return Evaluation(
            energy=energy,
            forces=forces,
            virial=virial,
            energies=energies[0],
            energy_spread=float(spreads[0]) if several else None,
            force_spread=float(spreads[1]) if several else None,
            energy_spreads=energies[1] if several else None,
            force_spreads=force_spreads,
            extras=extras,
        )

    def _ipi_extras(self, structure: int) -> str:
        """Further results of one of the last structures, as i-PI reads them; the lock is held."""
        self._check(self._library.tumble_select(self._handle, structure))
        return self._library.tumble_ipi_extras(self._handle).decode()

    @property
    def about(self) -> dict[str, Any]:
        """Description of the model and its settings: name, species (atomic numbers), cutoff (Å), hops, forces,
        ensemble, conditions, outputs, policy, members (models of a committee, or 0), origin and notes."""
        with self._lock:
            return json.loads(self._library.tumble_about(self._live()))

    def close(self) -> None:
        """Frees the model. It cannot be used again."""
        with self._lock:
            handle, self._handle = self._handle, None
        if handle and not self._torn:
            self._library.tumble_free(handle)

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self.close()

    def __getstate__(self) -> dict[str, Any]:
        # A copy loads its own model: freeing one handle twice would crash.
        return {"files": self._files, "options": self._options, "step": self.step, "beads": self._beads}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._handle = None
        self._begin()
        self._files, self._options = state["files"], state["options"]
        self._first, self._done, self._beads = state["step"], 0, state["beads"]
        self._load()

    def _live(self) -> int:
        if self._handle is None:
            raise ModelError("the model was closed: load it again")
        if self._torn:
            self._torn = False
            self._load()
        return self._handle

    def _check(self, status: int) -> None:
        if status != 0:
            raise self._error()

    def _error(self) -> ModelError:
        return ModelError(self._library.tumble_error().decode(errors="replace"))


def paths(files: Files) -> list[str]:
    """The path of a model, or those of a committee."""
    several = [files] if isinstance(files, (str, bytes, os.PathLike)) else list(files)
    if not several:
        raise ValueError("the list of models is empty: give the file of a model, or those of a committee")
    return [os.fspath(file) for file in several]


@dataclass(frozen=True)
class Structure:
    """One structure, as the library reads it."""

    # [N], atomic numbers
    numbers: NDArray[np.intc]
    # [N, 3], Å
    positions: Array
    # [3, 3], Å: rows are the cell vectors, zero along directions that are not periodic
    cell: Array
    # [5]: charge (e), spin, field (V/Å); NaN where the model's own counts
    conditions: Array

    @classmethod
    def read(
        cls,
        species: Sequence[str | int],
        positions: ArrayLike,
        cell: ArrayLike | None = None,
        given: Mapping[str, Any] | None = None,
    ) -> Structure:
        numbers = np.array([atomic_number(name) for name in species], np.intc)
        positions = _array(positions, (len(numbers), 3), "positions")
        cell = _array(np.zeros((3, 3)) if cell is None else cell, (3, 3), "cell")
        return cls(numbers, positions, cell, conditions.numbers(given or {}))


def _read(number: int, structure: Given) -> Structure:
    """A structure of a list; an error names it."""
    try:
        return Structure.read(*structure)
    except ValueError as error:
        raise ValueError(f"structures[{number}]: {error}") from None


def _located(sentence: str, structures: list[Structure]) -> str:
    """The sentence with Python's index of the structure, if it is one of several, and of its atoms."""
    named = NAMED.match(sentence)
    if named is None:
        index, reason = 0, sentence
    else:
        index, reason = int(named[1]) - 1, f"structures[{int(named[1]) - 1}]: {sentence[named.end() :]}"
    failed = structures[index]
    return in_python(reason, failed.numbers.tolist(), failed.positions, failed.cell)


def _array(values: ArrayLike, shape: tuple[int, ...], name: str) -> Array:
    array = np.ascontiguousarray(values, np.float64)
    if array.shape != shape:
        raise ValueError(f"{name} has the shape {array.shape}: give {shape}")
    return array


def _pointer(array: Array | None) -> ctypes._Pointer[ctypes.c_double] | None:
    return None if array is None else array.ctypes.data_as(DOUBLES)
