"""Outputs besides energy and forces: the example is exported, and wrong declarations and modules are refused."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from files import metadata
from quick import exported

from tumble_export import adapter as adapters
from tumble_export import checks, custom, outputs, pipeline, systems
from tumble_export.functions import Reverse

ROOT = Path(__file__).parents[3]
VECTOR = {"per": "structure", "law": "vector", "unit": "debye"}
SCALAR = {"per": "atom", "law": "scalar"}


def test_the_example_is_exported_with_its_outputs(tmp_path):
    made = custom.make(f"{ROOT / 'examples/export/dipole.py'}:make")
    pipeline.write(made, tmp_path / "m.onnx", dtype=torch.float64, say=lambda _: None)
    written = metadata(tmp_path / "m.onnx")
    assert written["outputs"] == made.outputs and written["hops"] == 1
    assert set(written["provenance"]["largest_errors"]) == {"energy", "forces", "virial", *made.outputs}
    # The dipole is that of the charges.
    positions = systems.molecule()
    inputs = systems.inputs(positions, np.eye(3), [8, 1, 1], made.cutoff, torch.float64, periodic=False)
    _, _, charges, dipole, _ = checks.evaluate(checks.session(str(tmp_path / "m.onnx")), inputs)
    np.testing.assert_allclose(dipole.sum(0), charges @ positions, atol=1e-14)
    assert charges[0] < -0.3


class Module(torch.nn.Module):
    """Energies, and what `further` makes of energies [C] and of sums of vectors [C, 3]."""

    def __init__(self, further):
        super().__init__()
        self.further = further

    def forward(self, edge_vectors, neighbors, mask, reverse, species):
        far = torch.tensor([3.0, 0.0, 0.0], dtype=edge_vectors.dtype)
        vectors = torch.where(mask.unsqueeze(2), edge_vectors, far)
        near = (9.0 - (vectors * vectors).sum(2)) ** 3 * 1e-3
        near = torch.where(mask, near, torch.zeros_like(near))
        energies = near.sum(1)
        found = self.further(energies, (near.unsqueeze(2) * vectors).sum(1), mask, reverse)
        return {"atomic_energies": energies} | found


def adapter(further, declared, source=None):
    module = Module(lambda energies, vectors, *_: further(energies, vectors))
    return adapters.Adapter(module, 3.0, 1, [1, 8], outputs=declared, source=source)


def refusal(further, declared, folder, source=None):
    with pytest.raises(SystemExit) as error:
        exported(adapter(further, declared, source), folder / "m.onnx")
    assert not (folder / "m.onnx").exists() or source
    return str(error.value)


@pytest.mark.parametrize(
    "declared, sentence",
    [
        ({"dipole": VECTOR | {"law": "axial"}}, "the output dipole is declared as {'per': 'structure', 'law': 'axial'"),
        ({"dipole": VECTOR | {"per": "cell"}}, "give {'per': 'atom' or 'structure', 'law': 'scalar' or 'vector' or"),
        ({"dipole": VECTOR | {"unit": "furlong"}}, "if it is one of e, e*angstrom, e*bohr, debye, angstrom^3, bohr^3"),
        ({"dipole": VECTOR | {"units": "e"}}, "the output dipole is declared as {'per': 'structure'"),
        ({"dipole": {"per": "structure"}}, "the output dipole is declared as {'per': 'structure'}: give"),
        ({"dipole": "vector"}, "the output dipole is declared as 'vector': give {'per': "),
        (["dipole"], "the adapter has outputs=['dipole']: give a dict, as in {'dipole': {'per': 'structure', "),
    ],
)
def test_declarations_without_sense_are_refused(declared, sentence, tmp_path):
    assert sentence in refusal(lambda energies, vectors: {"dipole": vectors}, declared, tmp_path)


@pytest.mark.parametrize("name", ["Dipole", "2q", "the dipole", "", 3, "energy", "forces", "mask", "dipole_spread"])
def test_names_of_something_else_are_refused(name, tmp_path):
    said = refusal(lambda energies, vectors: {name: vectors}, {name: VECTOR}, tmp_path)
    assert said == (
        f"an output is declared with the name {name!r}: take small letters, digits and _, as in 'dipole', and not the "
        "name of another result, key or input."
    )


def test_names_and_units_are_those_of_tumble():
    source = (ROOT / "crates/tumble-core/src/outputs.rs").read_text()

    def words(constant):
        return set(re.findall(r'"(\w+)"', re.search(rf"const {constant}: [^=]+= \[([^\]]+)\];", source)[1]))

    assert words("TAKEN") == outputs.TAKEN
    assert (words("PREFIXES"), words("SUFFIXES")) == (set(outputs.PREFIXES), set(outputs.SUFFIXES))
    assert tuple(re.findall(r'Self::new\("(.+?)"', source)) == outputs.UNITS


@pytest.mark.parametrize(
    "further, entry, sentence",
    [
        (
            lambda energies, vectors: {"dipol": vectors},
            VECTOR,
            "the output x is declared, but the module returns atomic_energies, dipol: return a dict with it too.",
        ),
        (
            lambda energies, vectors: {"x": vectors.sum(0)},
            VECTOR,
            "the output x of 2 atoms has the shape [3] where [2, 3] was expected: return a vector for each atom, also "
            "of an output of the structure, which is their sum.",
        ),
        (
            lambda energies, vectors: {"x": vectors.sum(0, keepdim=True)},
            VECTOR,
            "the output x of 2 atoms has the shape [1, 3] where [2, 3] was expected: return a vector for each atom, ",
        ),
        (
            lambda energies, vectors: {"x": energies.unsqueeze(1)},
            SCALAR,
            "the output x of 2 atoms has the shape [2, 1] where [2] was expected: return a scalar for each atom, ",
        ),
        (
            lambda energies, vectors: {"x": vectors},
            {"per": "atom", "law": "tensor"},
            "the output x of 2 atoms has the shape [2, 3] where [2, 3, 3] was expected: return a tensor for each atom",
        ),
        (
            lambda energies, vectors: {"x": (energies > 0.0).long()},
            SCALAR,
            "the output x is of int64: return real numbers, as by .to(edge_vectors.dtype).",
        ),
    ],
)
def test_outputs_that_are_not_as_declared_are_refused(further, entry, sentence, tmp_path):
    assert sentence in refusal(further, {"x": entry}, tmp_path)


def answering(further):
    """A source: energies of zero, and `further` of the number of atoms."""
    return lambda structure: adapters.Answer(0.0, outputs=further(len(structure.numbers)))


@pytest.mark.parametrize(
    "given, sentence",
    [
        (
            lambda count: {"dipol": np.zeros(3)},
            "source returned the output dipol, but the adapter declares dipole: add it to outputs, or leave it out of "
            "the Answer.",
        ),
        (
            lambda count: {"dipole": np.zeros((count, 3))},
            "source returned the output dipole of 1 atom, free in the shape [1, 3] where [3] was expected: it is a "
            "vector of the structure.",
        ),
        (lambda count: {"dipole": np.ones(3)}, "dipole of the file and of its source differ by 1.0e+00"),
    ],
)
def test_answers_that_are_not_as_declared_are_refused(given, sentence, tmp_path):
    def further(energies, vectors):
        return {"atomic_energies": 0.0 * energies, "dipole": vectors}

    assert sentence in refusal(further, {"dipole": VECTOR}, tmp_path, answering(given))


def test_outputs_that_reach_further_than_the_energy_raise_the_reach(tmp_path):
    def further(energies, vectors, mask, reverse):
        own = energies.unsqueeze(1).expand(mask.shape).reshape(-1, 1)
        far = Reverse.apply(own, reverse.reshape(-1)).view(mask.shape)
        return {"charges": torch.where(mask, far, torch.zeros_like(far)).sum(1) * 1e-2}

    said = []
    declared = {"charges": {"per": "atom", "law": "scalar", "unit": "e"}}
    made = adapters.Adapter(Module(further), 3.0, 1, [1, 8], outputs=declared)
    pipeline.write(made, tmp_path / "m.onnx", say=said.append)
    assert "the energy or an output reaches further than claimed: the file says 2 hops." in said
    assert metadata(tmp_path / "m.onnx")["hops"] == 2
