"""All kinds of metatrain's PET: the exported file equals the model. Small checkpoints are trained on the way."""

import gzip
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from files import metadata, refusal
from small import checkpoint
from train import train
from variants import VARIANTS

from tumble_export import adapter as adapters
from tumble_export import pipeline, receptive_field, structures, trace, verify
from tumble_export.command import main, parser
from tumble_export.metatrain import former, load, pet_adapter

FOLDER = Path(__file__).parents[3] / "target" / "pets"
HOPS = {"one-layer": 2, "three-layers": 4, "adaptive": 4, "adaptive-grid": 3, "adaptive-residual": 2}
HOPS |= {"residual": 2, "residual-preln": 2}
OPTIONS = {"direct": ["--forces", "both"], "charged": ["--charge", "1", "--spin", "2"]}
OPTIONS |= {"heads": ["--head", "energy/second"]}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def export(name, out, *options):
    main(["pet", str(train(FOLDER, name)), "-o", str(out), *OPTIONS.get(name, []), *options])
    return metadata(out)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_file_equals_the_model_to_the_last_digits_and_has_its_reach(name, tmp_path, capsys):
    made = export(name, tmp_path / "model.onnx", "--dtype", "float64")
    hops = HOPS.get(name, 3)
    assert made["hops"] == hops
    assert f"reach: {hops} hops measured, {hops} by the model's code" in capsys.readouterr().out
    assert max(made["provenance"]["largest_errors"].values()) < 1e-9
    assert set(made["provenance"]["largest_errors"]) >= {"energy", "forces", "virial"}


@pytest.mark.parametrize("name", ["feedforward", "residual", "adaptive", "zbl", "direct", "ensemble"])
def test_single_precision_is_near(name, tmp_path):
    made = export(name, tmp_path / "model.onnx")
    assert made["precision"] == "float32"
    assert max(made["provenance"]["largest_errors"].values()) < 2e-5


def test_reference_energies_are_in_electronvolt_for_any_unit_of_the_model(tmp_path):
    ev, kcal = (export(name, tmp_path / "model.onnx") for name in ("feedforward", "kcal"))
    assert kcal["energy_unit"] == "kcal/mol"
    pet = load.load(train(FOLDER, "kcal")).pet
    expected = load.composition(pet, "energy")[8] * 4.184 / 96.48533212331002
    assert kcal["reference_energies"]["8"] == pytest.approx(expected, rel=1e-12)
    assert set(ev["reference_energies"]) == {"1", "8"}


def test_an_ensemble_has_its_members_and_their_mean(tmp_path):
    export("ensemble", tmp_path / "model.onnx", "--dtype", "float64")
    file = verify.session(str(tmp_path / "model.onnx"))
    made = pet_adapter.make(train(FOLDER, "ensemble"))
    structure = list(structures.builtin(made.species))[3]
    answer = verify.run(file, made, structure, np.float64, str(tmp_path / "model.onnx"))
    assert answer.members.shape == (4,)
    assert np.ptp(answer.members) > 1e-6
    assert answer.members.mean() == pytest.approx(answer.energy, abs=1e-9)


def test_charge_and_spin_are_inputs_unless_they_are_given(tmp_path):
    """Compared with metatrain for other charges and spins of each structure."""
    main(["pet", str(train(FOLDER, "charged")), "-o", str(tmp_path / "c.onnx"), "--dtype", "float64"])
    made = metadata(tmp_path / "c.onnx")
    assert (made["charges"], made["spins"]) == ([-10, 10], [1, 10])
    assert max(made["provenance"]["largest_errors"].values()) < 1e-9
    inputs = {i.name for i in onnx.load(tmp_path / "c.onnx").graph.input}
    assert inputs >= {"charge", "spin"}
    export("charged", tmp_path / "constant.onnx", "--quick")
    assert not {"charge", "spin"} & {i.name for i in onnx.load(tmp_path / "constant.onnx").graph.input}


def test_the_former_name_of_the_spin_still_works():
    read = parser().parse_args
    for option in ("--spin", "--multiplicity"):
        assert read(["pet", "a.ckpt", "-o", "a.onnx", option, "2"]).spin == 2
    assert read(["pet", "a.ckpt", "-o", "a.onnx"]).spin is None


def test_direct_forces_alone_need_no_gradient(tmp_path):
    main(["pet", str(train(FOLDER, "direct")), "-o", str(tmp_path / "d.onnx"), "--forces", "direct"])
    names = [o.name for o in onnx.load(tmp_path / "d.onnx").graph.output]
    assert names == ["atomic_energies", "forces"]


def test_a_low_rank_update_is_merged_and_has_an_effect():
    made = pet_adapter.make(train(FOLDER, "lora"))
    layers = [m for m in load.load(train(FOLDER, "lora")).pet.modules() if hasattr(m, "lora_B")]
    assert layers and all(m.lora_B.weight.abs().max() > 0 for m in layers)
    assert not any("lora" in key for key in made.module.state_dict())


def checkpoints():
    """Checkpoints of every version of the format, shipped with metatrain for its own tests."""
    import metatrain.pet

    return sorted((Path(metatrain.pet.__file__).parent / "tests" / "checkpoints").glob("*.gz"))


def newest_of_each_version():
    found = {path.name.split("_")[0]: path for path in checkpoints()}
    return list(found.values())


@pytest.mark.parametrize("path", newest_of_each_version(), ids=lambda path: path.name.split("_")[0])
def test_checkpoints_of_every_version_are_read(path, tmp_path):
    checkpoint = tmp_path / "old.ckpt"
    checkpoint.write_bytes(gzip.decompress(path.read_bytes()))
    main(["pet", str(checkpoint), "-o", str(tmp_path / "old.onnx"), "--dtype", "float64"])
    assert f"v{metadata(tmp_path / 'old.onnx')['provenance']['checkpoint_version']}" in path.name


def test_a_domain_gives_the_forces_of_the_whole_but_not_with_one_hop_less():
    """Own atoms: x < 0 of a free cluster; ghosts as in the contract."""
    made = pet_adapter.make(train(FOLDER, "feedforward"))
    made.module.double()
    positions, numbers = receptive_field.bundle(made, seed=1)
    positions[:, 0] -= 0.5 * positions[:, 0].max()
    whole = forces(made, positions, numbers, made.hops, cut=False)
    assert np.abs(forces(made, positions, numbers, made.hops) - whole).max() < 1e-12
    assert np.abs(forces(made, positions, numbers, made.hops - 1) - whole).max() > 1e-9


def forces(made, positions, numbers, hops, cut=True):
    """Forces on all atoms from the energy of atoms with x < 0, computed in their domain or in the whole cluster."""
    far = positions[:, 0].clip(min=0.0)
    order = np.argsort(far, kind="stable")
    if cut:
        order = order[far[order] <= hops * made.cutoff]
    centers = int((far[order] <= (hops - 1) * made.cutoff).sum()) if cut else len(order)
    inputs = domain(made, positions[order], numbers[order], centers)
    _, g = trace.Contract(made.module, ("atomic_energies", "edge_gradients"))(*inputs)
    result, neighbors, mask = np.zeros_like(positions), inputs[1].numpy(), inputs[2].numpy()
    np.add.at(result, order[np.nonzero(mask)[0]], g.numpy()[mask])
    np.subtract.at(result, order[neighbors[mask]], g.numpy()[mask])
    return result


def domain(made, positions, numbers, centers):
    from tumble_export.systems import inputs

    made_inputs = list(inputs(positions, np.eye(3), numbers, made.cutoff, torch.float64, centers, periodic=False))
    made_inputs[5] = torch.from_numpy((positions[:centers, 0] < 0).astype(float))
    return made_inputs


class Linear(torch.nn.Module):
    """A toy: springs to neighbors, with an energy that reaches `hops` times over the reversed edge."""

    def __init__(self, wrong=0.0):
        super().__init__()
        self.wrong = wrong

    def forward(self, edge_vectors, neighbors, mask, reverse, species):
        r2 = torch.where(mask, (edge_vectors * edge_vectors).sum(2), torch.full_like(edge_vectors.sum(2), 9.0))
        return ((9.0 - r2) ** 3).sum(1) * 1e-3


def test_a_file_different_from_its_source_is_not_written(tmp_path):
    made = adapters.Adapter(Linear(), 3.0, 1, [1, 8])
    right = verify.from_module(made, adapters.KINDS["conservative"])

    def source(structure):
        answer = right(structure)
        answer.forces = answer.forces + 1e-3
        return answer

    made.source = source
    with pytest.raises(SystemExit, match="forces of the file and of its source differ by .* Nothing was written"):
        pipeline.write(made, tmp_path / "m.onnx", say=lambda text: None)
    assert not (tmp_path / "m.onnx").exists()


def test_another_version_of_metatrain_gets_a_warning_and_the_comparison_decides(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("metatrain.__version__", "2027.1")
    made = export("feedforward", tmp_path / "model.onnx", "--quick")
    assert made["provenance"]["metatrain"] == "2027.1"
    assert "warning: metatrain 2027.1 was not tested with this program, 2026.4.1 was" in capsys.readouterr().err


def test_a_source_is_made_again_after_its_release(tmp_path):
    made = pet_adapter.make(checkpoint(tmp_path / "small.ckpt"))
    structure = list(structures.builtin(made.species))[3]
    energy = made.source(structure).energy
    made.source.release()
    assert made.source(structure).energy == energy != 0.0


class OldPet:
    """The structure before 2026.4: layers in the model itself, and no later options."""

    def __init__(self, pet):
        hidden = ("backend", "system_conditioning", "cutoff_width_adaptive")
        backend = {k: v for k, v in {**vars(pet.backend), **pet.backend._modules}.items() if k not in hidden}
        own = {k: v for k, v in {**vars(pet), **pet._modules}.items() if k not in hidden}
        vars(self).update(backend | own)
        self.species_to_species_index = pet.backend.species_to_species_index
        self.modules, self.parameters = pet.modules, pet.parameters


def test_a_model_of_an_earlier_metatrain_has_the_same_weights():
    loaded = load.load(train(FOLDER, "feedforward"))
    expected = pet_adapter.adapt(loaded).module.state_dict()
    attention = next(m for m in loaded.pet.modules() if hasattr(m, "temperature"))
    del attention.temperature
    loaded.pet = former.present(OldPet(loaded.pet))
    assert isinstance(loaded.pet, former.Former) and attention.temperature == 1.0
    assert loaded.pet.adaptive_cutoff_method == loaded.pet.pet.adaptive_cutoff_method
    found = pet_adapter.adapt(loaded).module.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in expected)


class TestRefusals:
    def test_a_file_other_than_a_checkpoint(self, tmp_path):
        wrong = tmp_path / "wrong.ckpt"
        wrong.write_text("not this")
        assert "is not a checkpoint that torch can read" in refusal("pet", wrong, "-o", tmp_path / "m.onnx")
        assert "there is no file" in refusal("pet", tmp_path / "none.ckpt", "-o", tmp_path / "m.onnx")
        assert "is a folder: give the .ckpt" in refusal("pet", tmp_path, "-o", tmp_path / "m.onnx")
        wrong.write_bytes(b"")
        assert "is empty: copy the .ckpt" in refusal("pet", wrong, "-o", tmp_path / "m.onnx")

    @pytest.mark.parametrize(
        "parts", [dict(architecture_name="llpr"), dict(model_ckpt_version="x"), dict(model_data={})]
    )
    def test_a_checkpoint_with_wrong_parts(self, parts, tmp_path):
        checkpoint = torch.load(train(FOLDER, "feedforward"), weights_only=False)
        torch.save(checkpoint | parts, tmp_path / "a.ckpt")
        found = refusal("pet", tmp_path / "a.ckpt", "-o", tmp_path / "m.onnx")
        assert "cannot load" in found and "install the version of metatrain that wrote it" in found

    def test_a_checkpoint_of_something_else(self, tmp_path):
        torch.save({"state": 1}, tmp_path / "a.ckpt")
        assert "names no architecture" in refusal("pet", tmp_path / "a.ckpt", "-o", tmp_path / "m.onnx")
        torch.save({"architecture_name": "soap_bpnn"}, tmp_path / "b.ckpt")
        assert "holds the architecture soap_bpnn: only pet" in refusal("pet", tmp_path / "b.ckpt", "-o", "m.onnx")

    def test_a_checkpoint_of_the_future(self, tmp_path):
        checkpoint = torch.load(train(FOLDER, "feedforward"), weights_only=False)
        torch.save(checkpoint | dict(model_ckpt_version=99), tmp_path / "new.ckpt")
        assert "only supports up to version" in refusal("pet", tmp_path / "new.ckpt", "-o", tmp_path / "m.onnx")

    def test_an_unknown_head(self, tmp_path):
        pet = train(FOLDER, "heads")
        said = refusal("pet", pet, "-o", tmp_path / "m.onnx", "--head", "enthalpy")
        assert said == "the model has no energy named enthalpy: choose --head from energy, energy/second."

    def test_direct_forces_of_a_model_without_them(self, tmp_path):
        pet = train(FOLDER, "feedforward")
        said = refusal("pet", pet, "-o", tmp_path / "m.onnx", "--forces", "direct")
        assert "the model has no direct forces that go with energy" in said

    def test_structures_of_unknown_species(self, tmp_path):
        import ase.io

        ase.io.write(tmp_path / "iron.xyz", ase.Atoms("Fe"))
        pet = train(FOLDER, "feedforward")
        said = refusal("pet", pet, "-o", tmp_path / "m.onnx", "--check", tmp_path / "iron.xyz")
        assert "has the atomic numbers [26], but the model knows [1, 8] only" in said

    def test_charge_of_a_model_without_charge(self, tmp_path):
        said = refusal("pet", train(FOLDER, "feedforward"), "-o", tmp_path / "m.onnx", "--charge", "1")
        assert "the model knows no charge and no spin" in said

    def test_long_range(self):
        class Pet:
            long_range = True

        with pytest.raises(SystemExit, match="long-range interactions.*enable: false"):
            load.refuse(Pet())

    def test_a_version_of_metatrain_that_is_too_old(self, monkeypatch):
        monkeypatch.setattr("metatrain.__version__", "2025.11")
        with pytest.raises(SystemExit, match="metatrain 2025.11 is too old, 2025.12 or newer is needed: pip install"):
            load.installed()

    @pytest.mark.parametrize("part", ["scaler", "system_conditioning", "num_gnn_layers"])
    def test_a_model_of_another_structure(self, part, monkeypatch):
        loaded = load.load(train(FOLDER, "feedforward"))
        delattr(loaded.pet, part)
        monkeypatch.setattr(load, "load", lambda place: loaded)
        with pytest.raises(SystemExit) as error:
            pet_adapter.make("any.ckpt")
        said = str(error.value)
        assert said.startswith("metatrain 2026.4.1 builds its PET otherwise than 2026.4.1, with which this program")
        assert f"has no attribute '{part}'" in said
        assert said.endswith("reads the same checkpoints: pip install torch==2.13.0 metatrain==2026.4.1")

    def test_missing_folder_is_refused(self, tmp_path):
        assert "there is no folder" in refusal("pet", train(FOLDER, "feedforward"), "-o", tmp_path / "no" / "m.onnx")
