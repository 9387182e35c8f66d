"""A potential in the process of i-PI, without a socket: <ffdirect> with the parameters of `Driver`.

`python -m tumble.ipi` prints the file that i-PI is to load, for <pes_path>.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from tumble import conditions, template
from tumble.model import Array, Model, Structure

if __name__ == "ipi":
    # i-PI names the module after the file, in place of its own package.
    raise ImportError("give <pes_path> the file that `python -m tumble.ipi` prints, not ipi.py")

# The file for <pes_path>.
PES = Path(__file__).resolve().with_name("ipi_pes.py")

# i-PI's own constants, as over the socket.
BOHR_PER_ANGSTROM = 1.8897261
HARTREE_PER_EV = 0.036749326
FORCE = HARTREE_PER_EV / BOHR_PER_ANGSTROM

# Energy (Hartree), forces [N, 3] (Hartree/Bohr), virial [3, 3] (Hartree), extras (JSON).
Found: TypeAlias = tuple[float, Array, Array, str]


class Driver:
    """The potential, with the options of `tumble ipi`; see docs/ipi.md.

    - `model`: an ONNX file, or the files of a committee, separated by spaces
    - `template`: an XYZ file with the elements in the order of the simulation
    - `pbc`: periodicity along the cell vectors, such as TTF; by default periodic along all nonzero vectors
    - `beads`: structures of a step, for random rotations; by default those of one call, i-PI's batch_size
    - `streams`: "independent" random rotations of the beads of a step, or "shared" ones
    - `step`: number of the first step

    The others are those of `tumble.model.Model`.
    """

    def __init__(
        self,
        model: str | Sequence[str],
        template: str,
        *,
        pbc: str | None = None,
        beads: int | None = None,
        streams: str = "independent",
        step: int = 0,
        rotate: str | None = None,
        inversion: bool | None = None,
        seed: int | None = None,
        forces: str | None = None,
        correction: bool | None = None,
        threads: int | None = None,
        memory: int | None = None,
        device: str | None = None,
        tf32: bool | None = None,
        sha256: str | None = None,
        onnxruntime: str | None = None,
        charge: float | None = None,
        spin: float | None = None,
        field: str | Sequence[float] | None = None,
    ):
        options = {name: value for name, value in locals().items() if name in _OF_MODEL}
        self._species, own = _read_template(template)
        self._periodic = _periodic(pbc)
        self._shared = _shared(streams)
        given = {"charge": charge, "spin": spin, "field": _numbers(field)}
        self._model = Model(_files(model), step=step, **{**options, **conditions.chosen(given), **own})
        self._beads = beads
        if beads is not None:
            self._model.set_beads(beads, self._shared)

    @property
    def about(self) -> dict[str, Any]:
        """Description of the model and its settings, as in `Model.about`."""
        return self._model.about

    def __call__(self, cell: Array | list[Array], pos: Array | list[Array]) -> Found | list[Found]:
        """Results of one structure, or of each structure of a list. The columns of a cell are the cell vectors."""
        if not isinstance(cell, list):
            return self._evaluate([cell], [pos])[0]
        return self._evaluate(cell, list(pos))

    def _evaluate(self, cells: list[Array], positions: list[Array]) -> list[Found]:
        if self._beads is None:
            self._beads = len(cells)
            self._model.set_beads(self._beads, self._shared)
        structures = [self._structure(*given) for given in zip(cells, positions, strict=True)]
        return self._model._read(structures, self._found)

    def _structure(self, cell: Array, positions: Array) -> Structure:
        """A structure in Å."""
        rows = np.where(self._periodic, cell, 0.0).T / BOHR_PER_ANGSTROM
        atoms = len(self._species)
        if len(positions) != atoms:
            found = f"i-PI has {len(positions)} atoms, but the template has {atoms}"
            raise ValueError(f"{found}: give the start file of the simulation as template")
        return Structure(self._species, positions / BOHR_PER_ANGSTROM, np.ascontiguousarray(rows), np.full(5, np.nan))

    def _found(self, index: int, energy: float, forces: Array, virial: Array) -> Found:
        extras = self._model._ipi_extras(index)
        return energy * HARTREE_PER_EV, forces * FORCE, virial * HARTREE_PER_EV, extras


_OF_MODEL = set(signature(Model).parameters) & set(signature(Driver).parameters) - {"charge", "spin", "field", "step"}


def for_ipi(**parameters: Any) -> Driver:
    """The potential of the parameters in i-PI's input. Raises ValueError for unknown and missing ones."""
    known = list(signature(Driver).parameters)
    # i-PI adds these.
    given = {name: value for name, value in parameters.items() if name not in ("verbosity", "verbose")}
    for name in given:
        if name not in known:
            raise ValueError(f"<parameters> has {name!r}, which tumble does not know: give some of {', '.join(known)}")
    for name in ("model", "template"):
        if name not in given:
            raise ValueError(f"<parameters> has no {name}: write {{ model: FILE.onnx, template: start.xyz }}")
    return Driver(**given)


def _read_template(file: str) -> tuple[np.ndarray, dict[str, Any]]:
    found = template.read(file)
    return np.array(found.species, np.intc), found.conditions


def _files(model: str | Sequence[str]) -> list[str]:
    return model.split() if isinstance(model, str) and not os.path.exists(model) else list(_listed(model))


def _listed(model: str | Sequence[str]) -> Sequence[str]:
    return [model] if isinstance(model, str) else model


def _numbers(field: str | Sequence[float] | None) -> Sequence[float] | None:
    return [float(word) for word in field.split()] if isinstance(field, str) else field


def _periodic(pbc: str | None) -> np.ndarray:
    """Whether each cell vector counts [3]."""
    word = "TTT" if pbc is None else str(pbc)
    if len(word) != 3 or set(word) - {"T", "F"}:
        raise ValueError(f"pbc is {word!r}: give T or F for each cell vector, as in TTF")
    return np.array([letter == "T" for letter in word])


def _shared(streams: str) -> bool:
    if streams not in ("independent", "shared"):
        raise ValueError(f"streams is {streams!r}: give independent or shared")
    return streams == "shared"


def main() -> int:
    """Prints the file for <pes_path>."""
    print(PES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
