"""The bar in a terminal, the lines elsewhere, time and memory; how much is compared, and versions of packages."""

import io
import re

import pytest
import torch
from files import metadata, refusal

from tumble_export import adapter as adapters
from tumble_export import command, measure, pipeline, progress, structures, versions
from tumble_export.effort import Effort


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_without_a_terminal():
    said, stream = [], io.StringIO()
    made = progress.Progress(2, said.append, stream)
    made.step("trace")
    made.say("a result")
    assert said == ["0:00  trace", "a result"]
    assert stream.getvalue() == ""


def test_a_bar_in_a_terminal_that_results_replace():
    said, stream = [], Terminal()
    with progress.Progress(2, said.append, stream) as made:
        made.step("trace")
        made.step("prove")
        made.show("prove: structure 2 of 5")
        made.say("a result")
    assert said == ["a result"]
    bars = stream.getvalue().split(progress.CLEAR)
    assert bars[1] == "[....................] 0:00  trace"
    assert bars[3] == "[##########..........] 0:00  prove: structure 2 of 5"
    assert bars[-1] == ""


def test_time_and_memory_with_children():
    made = progress.Progress(1)
    held = progress.own_peak()
    assert made.usage() == f"time 0:00 min, memory {held / 1e9:.1f} GB at most"
    made.child(3 * held)
    gigabytes = float(re.search(r"memory (\S+) GB", made.usage())[1])
    assert 3 * held / 1e9 - 0.1 < gigabytes <= 4 * held / 1e9 + 0.1
    assert progress.clock(125.7) == "2:05"


class Springs(torch.nn.Module):
    def forward(self, edge_vectors, neighbors, mask, reverse, species):
        r2 = torch.where(mask, (edge_vectors * edge_vectors).sum(2), torch.full_like(edge_vectors.sum(2), 9.0))
        return ((9.0 - r2) ** 3).sum(1) * 1e-3


def springs():
    return adapters.Adapter(Springs(), 3.0, 1, [1, 8])


def write(out, **options):
    """The lines of an export, and its metadata."""
    said = []
    pipeline.write(springs(), out, say=said.append, effort=Effort(**options))
    return said, metadata(out)


def test_check_atoms_sets_the_largest_structure(tmp_path):
    said, made = write(tmp_path / "m.onnx", atoms=40)
    assert any(line.endswith("prove: 5 structures of up to 40 atoms") for line in said)
    assert any(line.startswith("40 atoms, periodic ") for line in said)
    assert any(line.endswith("prove: structure 4 of 5 (24 atoms, free) by the source") for line in said)
    assert made["provenance"]["checked"] == dict(structures=5, largest=40, reach="measured")
    assert re.fullmatch(r"time \d+:\d\d min, memory \d+\.\d GB at most", said[-1])


def test_quick_measures_no_reach_and_says_so(tmp_path):
    said, made = write(tmp_path / "m.onnx", quick=True)
    assert "reach: not measured (--quick), 1 by the model's code, cutoff 3" in said
    assert any(line.endswith("prove: 3 structures of up to 6 atoms (--quick)") for line in said)
    assert made["provenance"]["checked"] == dict(structures=3, largest=6, reach="claimed", quick=True)


def test_the_traced_copy_has_the_precision_of_the_file():
    made = springs()
    made.module.register_parameter("weight", torch.nn.Parameter(torch.ones(3, dtype=torch.float64)))
    made.module.register_buffer("same", made.module.weight.detach())
    made.module.register_buffer("numbers", torch.arange(3))
    copied = pipeline.traceable(made, adapters.KINDS["conservative"], torch.float32).model
    assert (copied.weight.dtype, copied.same.dtype, copied.numbers.dtype) == (torch.float32, torch.float32, torch.int64)
    assert not copied.weight.requires_grad
    assert made.module.weight.dtype == torch.float64 and made.module.weight.requires_grad


def test_structures_have_all_sizes_up_to_the_largest():
    assert [len(s.numbers) for s in structures.builtin([1, 8])] == [1, 3, 6, 24, 192]
    assert [len(s.numbers) for s in structures.builtin([26], largest=100)] == [1, 3, 6, 24, 100]
    assert [(s.name, s.periodic) for s in structures.builtin([1, 8], largest=1)] == [("1 atom, free", False)]


def test_large_models_are_compared_and_measured_on_fewer_atoms():
    made = springs()
    assert Effort().largest(made) == 192
    assert Effort().measured(made) == (192, 384, 768)
    made.module.register_buffer("weights", torch.empty(160_000_000, device="meta"))
    assert Effort().largest(made) == 48
    assert Effort().measured(made) == (48, 192)
    assert Effort(atoms=300).largest(made) == 300
    assert Effort(quick=True).largest(made) == 6


def test_efforts_that_contradict_each_other_are_refused(tmp_path):
    out = ("-o", tmp_path / "m.onnx")
    said = refusal("pet", "a.ckpt", *out, "--check-atoms", 0)
    assert said == "--check-atoms is 0: give a number of atoms, 1 or more."
    said = refusal("pet", "a.ckpt", *out, "--check-atoms", 24, "--quick")
    assert said == "--quick compares structures of 1 to 6 atoms: leave out --check-atoms, or --quick."


@pytest.mark.parametrize("words", [[], ["pet"], ["orb"], ["torch"], ["compact"]])
def test_help_has_examples(words, capsys):
    with pytest.raises(SystemExit):
        command.main([*words, "--help"])
    said = capsys.readouterr().out
    assert f"examples:\n  tumble-export {words[0] if words else 'pet'}" in said


def test_memory_is_measured_at_the_first_sizes_that_differ_enough(monkeypatch):
    slope, asked = 1e4, []

    def peak(path, cutoff, dtype, atoms, species, note, layout="padded"):
        asked.append(atoms)
        note(7)
        return 100 * atoms, 5e6 + slope * 100 * atoms

    monkeypatch.setattr(measure, "peak", peak)
    noted = []
    assert measure.bytes_per_edge("m.onnx", 4.0, torch.float32, (1,), (48, 192, 768), noted.append) == 10000
    assert asked == [48, 192] and noted == [7, 7]
    slope, asked = 100, []
    assert measure.bytes_per_edge("m.onnx", 4.0, torch.float32, (1,), (48, 192, 768)) == 100
    assert asked == [48, 192, 768]


class TestVersions:
    def test_tested_versions_are_silent(self, capsys):
        versions.check("torch", "2.13.1+cpu", "2.13.0", "2.8", "pip install torch")
        assert capsys.readouterr().err == ""

    @pytest.mark.parametrize("version", ["2.8.0", "2.14.1+cu130", "3.0.0a1"])
    def test_other_versions_get_a_warning(self, version, capsys):
        versions.check("torch", version, "2.13.0", "2.8", "pip install torch==2.13.0")
        assert capsys.readouterr().err == (
            f"warning: torch {version} was not tested with this program, 2.13.0 was: the comparison of the file with "
            "its source decides; if it fails, pip install torch==2.13.0\n"
        )

    def test_versions_that_are_too_old_are_refused(self):
        with pytest.raises(SystemExit, match="torch 2.7.1 is too old, 2.8 or newer is needed: pip install torch"):
            versions.check("torch", "2.7.1", "2.13.0", "2.8", "pip install torch==2.13.0")

    def test_places_that_cannot_be_written(self, tmp_path):
        assert "is a folder: give the name of a file" in refusal("pet", "a.ckpt", "-o", tmp_path)
        assert "/proc cannot be written to" in refusal("pet", "a.ckpt", "-o", "/proc/m.onnx")

    @pytest.mark.parametrize("tolerance", ["nan", "-1", "0", "inf"])
    def test_tolerances_that_compare_nothing(self, tolerance, tmp_path):
        found = refusal("pet", "a.ckpt", "-o", tmp_path / "m.onnx", f"--tolerance={tolerance}")
        assert found == f"--tolerance is {float(tolerance)}: give a number above 0."

    def test_structures_that_cannot_be_compared(self, tmp_path):
        file, folder = tmp_path / "a.xyz", str(tmp_path)
        for text, words in [("1\n\nXx 0 0 0\n", "(KeyError: 'Xx')"), ("1\n\nH nan 0 0\n", "that is not finite")]:
            file.write_text(text)
            with pytest.raises(SystemExit, match=re.escape(words)):
                structures.read(str(file), [1, 8])
        with pytest.raises(SystemExit, match="there is no file .* with structures"):
            structures.read(folder, [1, 8])

    def test_another_version_of_torch(self, monkeypatch, capsys, tmp_path):
        monkeypatch.setattr(torch, "__version__", "2.14.0")
        assert "there is no folder" in refusal("pet", "a.ckpt", "-o", tmp_path / "no" / "m.onnx")
        assert "torch 2.14.0 was not tested with this program, 2.13.0 was" in capsys.readouterr().err
