"""All kinds of Orb: the exported file equals the model. Small models of the package's own classes, random weights."""

import importlib.metadata
import inspect
from functools import partial

import numpy as np
import pytest
import torch

pytest.importorskip("orb_models")

import onnx
from files import metadata, refusal
from orb_classes import (
    BesselBasis,
    ChargeSpinConditioner,
    ConservativeForcefieldRegressor,
    DirectForcefieldRegressor,
    EnergyHead,
    ExpNormalSmearing,
    ForcefieldAtomsAdapter,
    ForceHead,
    MoleculeGNS,
    SphericalHarmonics,
    UnitVector,
    as_published,
    gaussian_basis_function,
)
from orb_models.forcefield import pretrained

from tumble_export import neighbors, pipeline, receptive_field, structures, systems, verify
from tumble_export.adapter import Structure
from tumble_export.command import main
from tumble_export.layers import pin_epsilon
from tumble_export.orb import load, orb_adapter, package, source

VERSION = importlib.metadata.version("orb-models")
RADIUS = 6.0  # Å
MEAN = 0.25  # mean of the heads' outputs; exact in single precision
WIDTH, GAIN = 16, 2.5  # random weights are made larger, so that forces are not all but zero
V3 = dict(angular=SphericalHarmonics(lmax=3, normalize=True, normalization="component"), outer=True)
V3 |= dict(radial=BesselBasis(r_max=6.0, num_bases=8), activation="silu", norm="rms_norm")
V2 = dict(angular=UnitVector(), outer=False, activation="ssp", norm="layer_norm")
V2 |= dict(radial=partial(gaussian_basis_function, num_bases=20, radius=10.0), zbl=False, direct=True)
CHARGED = dict(charge=1.0, spin=2.0)

VARIANTS = {
    "v3-conservative": V3,
    "v3-direct": V3 | dict(direct=True),
    "v3-direct-20": V3 | dict(direct=True, limit=20),
    "v3-conservative-20": V3 | dict(limit=20),
    "v3-charged": V3 | dict(charged=True),
    "v3-without-repulsion": V3 | dict(zbl=False),
    "v3-summed-repulsion": V3 | dict(zbl="sum"),
    "v2": V2,
    "v2-20": V2 | dict(limit=20),
    "softmax": V3 | dict(gate="softmax", direct=True),
    "softmax-20": V3 | dict(gate="softmax", limit=20),
    "no-distance-cutoff": V3 | dict(cutoff=False),
    "softmax-no-distance-cutoff": V2 | dict(gate="softmax", cutoff=False),
    "summed-features": V3 | dict(average=False),
    "one-hot": V3 | dict(embedding=False, layers=1),
    "three-layers": V3 | dict(layers=3),
}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def build(
    radial, angular, outer, activation, norm, direct=False, limit=120, charged=False, zbl="mean", gate="sigmoid",
    cutoff=True, average=True, embedding=True, layers=2,
):  # fmt: skip
    """A small regressor of orb-models with random weights; `limit` belongs to its edges."""
    torch.manual_seed(4)
    head = dict(latent_dim=WIDTH, num_mlp_layers=1, mlp_hidden_dim=WIDTH, activation=activation)
    heads = {"energy": EnergyHead(**head, predict_atom_avg=average)}
    heads |= {"forces": ForceHead(**head)} if direct else {}
    gns = MoleculeGNS(
        latent_dim=WIDTH,
        num_message_passing_steps=layers,
        num_mlp_layers=2,
        mlp_hidden_dim=24,
        rbf_transform=radial,
        angular_transform=angular,
        outer_product_with_cutoff=outer,
        use_embedding=embedding,
        interaction_params=dict(distance_cutoff=cutoff, attention_gate=gate),
        conditioner=ChargeSpinConditioner(WIDTH) if charged else None,
        activation=activation,
        mlp_norm=norm,
    )
    kind = DirectForcefieldRegressor if direct else ConservativeForcefieldRegressor
    options = {} if direct else dict(ensure_grad_loss_weights=False)
    regressor = kind(heads, gns, pair_repulsion=bool(zbl), **options)
    if zbl and not direct:  # new regressors of version 0.7 have the sum, published ones the mean
        regressor.pair_repulsion_fn.node_aggregation = zbl
    with torch.no_grad():
        for module in regressor.modules():
            if isinstance(module, torch.nn.Linear) and module is not heads["energy"].reference.linear:
                module.weight *= GAIN
        for made in heads.values():
            made.normalizer.bn.running_var.fill_(0.7)
            made.normalizer.bn.running_mean.fill_(MEAN)
    pin_epsilon(regressor)
    return regressor.eval()


def loaded(name, **changes):
    """A variant as `load.load` returns it."""
    wanted = VARIANTS[name] | changes
    return load.Loaded(build(**wanted), package.Edges(RADIUS, wanted.get("limit", 120)), name)


def adapter(name, kind=None):
    made = loaded(name)
    state = CHARGED if "charged" in VARIANTS[name] else {}
    return orb_adapter.adapt(made, kind or orb_adapter.own_kind(made.regressor), **state)


def test_charge_and_spin_of_each_structure():
    """The file takes them as inputs, as whole numbers in the range of the package's tables."""
    made = orb_adapter.adapt(loaded("v3-charged"), "conservative")
    mine = verify.from_module(made, ("atomic_energies", "edge_gradients"))
    (structure,) = (one for one in structures.builtin(made.species) if len(one.numbers) == 24)
    found = {}
    for charge, spin in [(0, 1), (1, 2), (-2, 1), (0, 3)]:
        structure.conditions = dict(charge=charge, spin=spin)
        exact, found[charge, spin] = made.source(structure), mine(structure)
        assert max(verify.errors(found[charge, spin], exact, 24).values()) < 1e-11
    assert len({round(answer.energy, 6) for answer in found.values()}) == 4
    assert (made.charges, made.spins) == ([-100, 100], [1, 100])


def dense(count=60, seed=1):
    """Oxygen, iron and hydrogen, nearer to each other than covalent radii, more than 120 within the cutoff."""
    positions, cell, numbers = structures.lattice([1, 8, 26], count, seed)
    return Structure("dense", positions * 0.75, cell * 0.75, numbers, True)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_module_equals_the_model(name):
    """Energy, both kinds of forces and virial, before any export; the nearest neighbors are unambiguous."""
    direct = VARIANTS[name].get("direct", False)
    made = adapter(name, "both" if direct else "conservative")
    mine = verify.from_module(made, ("atomic_energies", "edge_gradients", *(["forces"] if direct else [])))
    compared = 0
    for structure in (*list(structures.builtin(made.species))[:4], dense()):
        exact = made.source(structure)
        if exact is None:
            continue
        found = verify.errors(mine(structure), exact, len(structure.numbers), made.baseline(structure.numbers))
        assert max(found.values()) < 1e-11, structure.name
        assert set(found) == {"energy", "forces", "virial"} | ({"direct"} if direct else set())
        compared += 1
    assert compared >= 4
    assert np.abs(exact.forces).max() > 0.01


def test_the_source_equals_the_package():
    """Except for the mean of direct forces in a periodic structure, and the symmetrization of the virial."""
    structure = dense()
    for name in ("v3-conservative", "v3-direct"):
        made = adapter(name)
        regressor = build(**VARIANTS[name]).double()
        batch = source.graph(structure, loaded(name).edges, {})
        exact, found = made.source(structure), regressor.predict(batch)
        assert exact.energy == pytest.approx(float(found["energy"].detach()), rel=1e-12)
        if name == "v3-conservative":
            assert np.abs(found["grad_forces"].numpy() - exact.forces).max() < 1e-10
            stress = found["grad_stress"].numpy()[0] * -np.linalg.det(structure.cell)
            assert np.abs(stress[:3] - np.diag(exact.virial)).max() < 1e-9
        else:
            repulsion = regressor.pair_repulsion_fn(batch)["forces"].numpy()
            learned = exact.direct - repulsion
            # orb-models 0.5 subtracts the mean of the perceptron's output, later versions that of the forces.
            kept = MEAN if ForcefieldAtomsAdapter is None else 0.0
            assert np.abs(learned - learned.mean(0) + kept + repulsion - found["forces"].detach().numpy()).max() < 1e-10


def test_the_limit_of_neighbors_drops_many_neighbors():
    i, *_ = neighbors.edges(dense().positions, dense().cell, 6.0)
    assert np.bincount(i).min() > 120
    near, all_of_them = (adapter(name).source(dense()) for name in ("v3-conservative-20", "v3-conservative"))
    assert abs(near.energy - all_of_them.energy) > 1e-6


@pytest.mark.parametrize("name", ["v3-conservative", "v3-direct-20", "v2", "softmax", "v3-charged"])
def test_the_file_equals_the_model_to_the_last_digits(name, tmp_path):
    direct = VARIANTS[name].get("direct", False)
    made, kind = adapter(name, "both" if direct else None), "both" if direct else "conservative"
    pipeline.write(made, tmp_path / "m.onnx", kind, torch.float64, [dense()])
    found = metadata(tmp_path / "m.onnx")
    assert max(found["provenance"]["largest_errors"].values()) < 1e-9
    assert set(found["provenance"]["largest_errors"]) >= {"energy", "forces", "virial"}
    assert found["whole"] and found["hops"] == made.hops
    assert found["reference_energies"]["8"] == made.reference_energies[8]


@pytest.mark.parametrize("name", ["v3-conservative", "v3-direct"])
def test_single_precision_is_near(name, tmp_path):
    made = adapter(name)
    pipeline.write(made, tmp_path / "m.onnx", orb_adapter.own_kind(build(**VARIANTS[name])))
    found = metadata(tmp_path / "m.onnx")
    assert found["precision"] == "float32"
    assert max(found["provenance"]["largest_errors"].values()) < 2e-5
    replicas_do_not_meet(tmp_path / "m.onnx", made)


def replicas_do_not_meet(path, made):
    """Two structures in one run give the same results as alone."""
    file = verify.session(str(path))
    wanted = {i.name for i in file.get_inputs()}
    assert "replica" in wanted
    pair = [s for s in structures.builtin(made.species) if len(s.numbers) in (3, 24)]
    slots = [verify.tensors(s, made.cutoff, np.float32)["mask"].shape[1] for s in pair]
    parts = [verify.tensors(s, made.cutoff, np.float32, max(slots) - k) for s, k in zip(pair, slots)]
    second, before = dict(parts[1]), len(pair[0].numbers)
    second["neighbors"] = np.where(second["mask"], second["neighbors"] + before, 0)
    second["reverse"] = second["reverse"] + before * max(slots)
    second["replica"] = second["replica"] + 1
    together = {k: np.concatenate([parts[0][k], second[k]]) for k in wanted}
    alone = [file.run(None, {k: part[k] for k in wanted}) for part in parts]
    for joint, first, other in zip(file.run(None, together), *alone):
        assert np.abs(joint - np.concatenate([first, other])).max() < 2e-6


class Features(torch.nn.Module):
    """The same Orb with the sum of the features of all atoms as its energy, which has a finite reach."""

    def __init__(self, orb):
        super().__init__()
        self.orb = orb

    def forward(self, edge_vectors, neighbors, mask, reverse, species):
        r = (edge_vectors * edge_vectors).sum(2).sqrt()
        nodes = self.orb.features(edge_vectors, r, mask, species[: mask.shape[0]], (neighbors, reverse))
        return torch.tanh(nodes).sum(1)


@pytest.mark.parametrize("name, layers", [("one-hot", 1), ("v3-conservative", 2), ("three-layers", 3)])
def test_features_reach_one_hop_further_than_there_are_layers(name, layers):
    made = adapter(name)
    assert made.hops == layers + 1
    made.module, made.whole, made.hops = Features(made.module), False, layers
    assert receptive_field.measure(made) == layers + 1


def test_direct_forces_reach_one_hop_further_than_there_are_layers():
    made = adapter("v3-direct", "direct")
    assert receptive_field.measure(made) == made.hops == 3


def test_the_energy_is_not_a_sum_over_atoms():
    """One atom's share depends on the edges of an unconnected atom."""
    made = adapter("v3-conservative")
    made.module.double()
    positions = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [50.0, 0.0, 0.0], [51.0, 0.0, 0.0]])
    inputs = systems.inputs(positions, np.eye(3), [1, 8, 1, 8], made.cutoff, torch.float64, periodic=False)[:5]
    share = made.evaluate([inputs[0].requires_grad_(), *inputs[1:]])["atomic_energies"][0]
    (gradients,) = torch.autograd.grad(share, inputs[0])
    assert (gradients.abs().sum((1, 2)) > 0).all()


def test_atoms_of_weight_zero_do_not_count():
    made = adapter("v3-conservative")
    made.module.double()
    positions = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [50.0, 0.0, 0.0], [51.0, 0.0, 0.0]])
    both, one = (
        systems.inputs(positions[:n], np.eye(3), [1, 8, 1, 8][:n], made.cutoff, torch.float64, periodic=False)[:5]
        for n in (4, 2)
    )
    weights = torch.tensor([1.0, 1.0, 0.0, 0.0], dtype=torch.float64)
    found = made.module(*both, weights=weights)["atomic_energies"][:2]
    torch.testing.assert_close(found, made.evaluate(one)["atomic_energies"], rtol=1e-12, atol=1e-12)


@pytest.fixture
def tiny(monkeypatch):
    """A small architecture in the package's table; returns a model of it with other weights."""

    def orb_tiny(weights_path="https://there/tiny.ckpt", device=None, precision="float32-high", compile=None):
        made = build(**VARIANTS["v3-direct"])
        pretrained.load_model(made, weights_path, device, precision=precision, compile=compile)
        return as_published(made, RADIUS, 120)

    monkeypatch.setitem(pretrained.ORB_PRETRAINED_MODELS, "orb-tiny", orb_tiny)
    trained = loaded("v3-direct")
    with torch.no_grad():
        [p.mul_(0.9) for p in trained.regressor.model.parameters()]
    return trained


def test_a_state_dict_is_read_by_name_and_by_the_name_of_the_file(tiny, tmp_path):
    file = tmp_path / "orb-tiny-20260101.ckpt"
    torch.save(tiny.regressor.state_dict(), file)
    expected = source.Source(tiny, True, {})(dense())
    for made in (orb_adapter.make(str(file)), orb_adapter.make("orb-tiny", str(file))):
        assert made[1] == "direct"
        answer = made[0].source(dense())
        assert answer.energy == expected.energy
        assert np.array_equal(answer.direct, expected.direct)
        assert made[0].provenance["weights"] == file.name
    random = orb_adapter.make("orb-tiny", seed=1)[0].source(dense())
    assert random.energy != expected.energy


def test_the_command_writes_a_file(tiny, tmp_path):
    file = tmp_path / "orb-tiny.ckpt"
    torch.save(tiny.regressor.state_dict(), file)
    main(["orb", "orb-tiny", "--weights", str(file), "-o", str(tmp_path / "m.onnx"), "--name", "mine"])
    assert [o.name for o in onnx.load(tmp_path / "m.onnx").graph.output] == ["atomic_energies", "forces"]
    found = metadata(tmp_path / "m.onnx")
    assert (found["name"], found["forces"], found["provenance"]["orb-models"]) == ("mine", "direct", VERSION)


def test_architectures_of_all_models_of_the_package_are_known():
    """The models have full size, so they are only built, not traced; charge and spin are given if required."""
    names = load.table()
    assert len(names) >= 19
    for name in ("orb-v3-conservative-inf-omat", "orb-v3-direct-20-mpa", "orb-v3-conservative-omol", "orb-d3-xs-v2"):
        assert "weights_path" in inspect.signature(names[name]).parameters
        state = dict(charge=0, spin=1) if name.endswith("omol") else {}
        made, kind = orb_adapter.make(name, seed=1, **state)
        assert kind == ("conservative" if "conservative" in name else "direct")
        assert made.species[0] == 1 and 8 in made.species and 118 not in made.species
        assert made.module.limit == (20 if "20" in name or "v2" in name else 120)


class Other(torch.nn.Module):
    """A part that the exporter does not know."""


def replace(parts, name):
    parts[name] = Other()


class TestRefusals:
    def test_missing_weights_are_refused(self, tmp_path):
        said = refusal("orb", "orb-v3-conservative-inf-omat", "-o", tmp_path / "m.onnx")
        assert said.startswith("the weights of orb-v3-conservative-inf-omat are not given, and nothing is downloaded")
        assert "give it by --weights FILE, or try the architecture with --random-weights SEED." in said

    def test_an_unknown_model(self, tmp_path):
        said = refusal("orb", "orb-v9", "-o", tmp_path / "m.onnx")
        assert said.startswith(f"'orb-v9' is no file and no Orb model of orb-models {VERSION}; models are orb")
        assert "orb-v1" not in said

    def test_a_file_without_the_name_of_a_model(self, tmp_path):
        (tmp_path / "mine.ckpt").write_text("x")
        said = refusal("orb", tmp_path / "mine.ckpt", "-o", tmp_path / "m.onnx")
        assert "does not begin with that of an Orb model, so its architecture is unknown: write tumble-export" in said

    def test_a_file_without_a_state_dict(self, tiny, tmp_path):
        wrong = tmp_path / "orb-tiny.ckpt"
        wrong.write_text("not this")
        assert "is not a file of weights that torch can read" in refusal("orb", wrong, "-o", tmp_path / "m.onnx")
        torch.save({"state": {"a": 1}}, wrong)
        assert "holds no state dict: save model.state_dict()" in refusal("orb", wrong, "-o", tmp_path / "m.onnx")
        said = refusal("orb", "orb-tiny", "--weights", tmp_path / "none.ckpt", "-o", tmp_path / "m.onnx")
        assert "there is no file" in said

    def test_weights_of_another_model(self, tiny, tmp_path):
        file = tmp_path / "orb-tiny.ckpt"
        torch.save(build(**VARIANTS["v2"]).state_dict(), file)
        assert "are not those of orb-tiny: " in refusal("orb", file, "-o", tmp_path / "m.onnx")

    def test_weights_without_a_head(self, tiny, tmp_path):
        file, weights = tmp_path / "orb-tiny.ckpt", tiny.regressor.state_dict()
        torch.save({k: v for k, v in weights.items() if not k.startswith("heads.forces")}, file)
        said = refusal("orb", file, "-o", tmp_path / "m.onnx")
        assert "are not those of orb-tiny: heads.forces." in said

    def test_weights_given_twice(self, tiny, tmp_path):
        said = refusal("orb", "orb-tiny", "--weights", "a.ckpt", "--random-weights", 1, "-o", tmp_path / "m.onnx")
        assert said == "weights are given by a.ckpt and at random: leave out one of the two."

    def test_direct_forces_of_a_conservative_model(self):
        with pytest.raises(SystemExit, match="has no direct forces, so --forces direct is not possible: leave it out"):
            adapter("v3-conservative", "direct")

    def test_charge_and_spin(self):
        charged, plain = (loaded(name) for name in ("v3-charged", "v3-conservative"))
        with pytest.raises(SystemExit, match="knows charge and spin: give both for all structures, or none"):
            orb_adapter.adapt(charged, "conservative", charge=1.0)
        with pytest.raises(SystemExit, match="knows no charge and no spin: leave out --charge and --spin"):
            orb_adapter.adapt(plain, "conservative", charge=1.0)

    @pytest.mark.parametrize(
        "change, said",
        [
            (dict(activation="gelu"), "this Orb has the activation GELU: only ssp and silu"),
            (dict(radial=ExpNormalSmearing(num_rbf=8)), "this Orb has the radial basis ExpNormalSmearing"),
            (dict(angular=SphericalHarmonics(6, True)), "the angular features SphericalHarmonics: only unit vectors"),
        ],
    )
    def test_unknown_parts(self, change, said):
        with pytest.raises(SystemExit, match=said):
            orb_adapter.adapt(loaded("v3-conservative", **change), "conservative")

    @pytest.mark.parametrize(
        "change, said",
        [
            (lambda made: replace(made.heads, "energy"), "a MoleculeGNS with Other: only a MoleculeGNS with"),
            (lambda made: replace(made.heads, "forces"), "the head of this Orb's forces is a Other: only a ForceHead"),
            (lambda made: replace(made.model.gnn_stacks, 0), "has layers of the kind Other: only AttentionInter"),
            (lambda made: setattr(made.model, "node_feature_names", ["feat", "mass"]), r"hand to models: \['mass'\]"),
        ],
    )
    def test_parts_of_unknown_kinds(self, change, said):
        made = loaded("v3-direct")
        change(made.regressor)
        with pytest.raises(SystemExit, match=said):
            orb_adapter.adapt(made, "direct")

    def test_electrostatics_of_charges(self, tmp_path):
        """Before the weights are wanted; random weights are refused likewise."""
        if "orbmol-v2" not in load.table():
            pytest.skip(f"orb-models {VERSION} has no orbmol-v2")
        for more in ((), ("--random-weights", 1, "--charge", 0, "--spin", 1)):
            said = refusal("orb", "orbmol-v2", *more, "-o", tmp_path / "m.onnx")
            assert said.startswith("orbmol-v2 adds the electrostatic energy of charges that it predicts, between all")
            assert said.endswith("so this model cannot be exported; orb-v3-conservative-omol can.")

    def test_structures_of_unknown_species(self, tiny, tmp_path):
        import ase.io

        ase.io.write(tmp_path / "u.xyz", ase.Atoms("Es"))
        options = ("--random-weights", 1, "--check", tmp_path / "u.xyz")
        said = refusal("orb", "orb-tiny", *options, "-o", tmp_path / "m.onnx")
        assert "has the atomic numbers [99], but the model knows [1, 2, 3" in said

    def test_another_version_of_the_package(self, monkeypatch, capsys):
        assert load.installed() == VERSION
        assert "warning" not in capsys.readouterr().err
        monkeypatch.setattr(load, "TESTED", ("0.4.0", "0.6.0"))
        assert load.installed() == VERSION
        said = f"warning: orb-models {VERSION} was not tested with this program, 0.4.0 and 0.6.0 were: the comparison"
        assert said in capsys.readouterr().err
        monkeypatch.setattr(load, "OLDEST", "0.8")
        with pytest.raises(SystemExit, match=f"orb-models {VERSION} is too old, 0.8 or newer is needed: pip install"):
            load.installed()
