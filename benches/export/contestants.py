"""The contestants: each is made for one structure; a call evaluates it once and returns the seconds."""

import json
import time
import warnings

import numpy as np
import torch

warnings.filterwarnings("ignore")


def frame(atoms):
    """The exporter's built-in structure with this number of atoms: a free molecule, or water in a periodic box."""
    from tumble_export.structures import builtin

    return next(s for s in builtin([1, 8]) if len(s.numbers) == atoms)


class File:
    """The exported file in ONNX Runtime."""

    def __init__(self, path, structure, threads):
        import onnxruntime
        from tumble_export import verify

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.enable_mem_pattern = False
        name = str(path.with_suffix(".onnx"))
        self.session = onnxruntime.InferenceSession(name, options, providers=["CPUExecutionProvider"])
        found = verify.tensors(structure, self.cutoff(), np.float32)
        self.inputs = {i.name: found[i.name] for i in self.session.get_inputs()}
        self.slots, self.filled = self.inputs["mask"].shape[1], float(self.inputs["mask"].mean())
        self.energy = 0.0

    def cutoff(self):
        return json.loads(self.session.get_modelmeta().custom_metadata_map["tumble"])["cutoff"]

    def __call__(self):
        start = time.perf_counter()
        energies = self.session.run(None, self.inputs)[0]
        taken = time.perf_counter() - start
        self.energy = float(energies.sum(dtype=np.float64))
        return taken


class Torch:
    """The model of the checkpoint, or a model made from it, through metatomic."""

    def __init__(self, path, structure, threads):
        from metatomic.torch import ModelEvaluationOptions, ModelOutput
        from tumble_export.metatrain import load

        self.structure, self.loaded = structure, load.load(path)
        self.eager = self.loaded.whole.float().export()
        self.model = self.prepare(path)
        outputs = {"energy": ModelOutput(sample_kind="system")}
        self.options = ModelEvaluationOptions(length_unit="angstrom", outputs=outputs)
        baseline = load.composition(self.loaded.pet, "energy")
        self.baseline, self.energy = sum(baseline[int(z)] for z in structure.numbers), 0.0

    def prepare(self, _path):
        return self.eager

    def system(self):
        """The system with neighbors, positions and strain; the last two need gradients."""
        from metatomic.torch import System
        from metatrain.utils.neighbor_lists import get_requested_neighbor_lists, get_system_with_neighbor_lists

        s = self.structure
        positions = torch.tensor(s.positions, dtype=torch.float32, requires_grad=True)
        cell = torch.tensor(s.cell if s.periodic else np.zeros((3, 3)), dtype=torch.float32)
        strain = torch.eye(3, requires_grad=True)
        kinds, periodic = torch.tensor(s.numbers, dtype=torch.int32), torch.tensor([s.periodic] * 3)
        made = System(types=kinds, positions=positions @ strain, cell=cell @ strain, pbc=periodic)
        return get_system_with_neighbor_lists(made, get_requested_neighbor_lists(self.eager)), positions, strain

    def __call__(self):
        system, positions, strain = self.system()
        start = time.perf_counter()
        energy = self.model([system], self.options, check_consistency=False)["energy"].block().values.sum()
        torch.autograd.grad(energy, (positions, strain), allow_unused=True)
        taken = time.perf_counter() - start
        self.energy = float(energy.detach()) - self.baseline
        return taken


class Script(Torch):
    """The TorchScript file of `mtt export`, as metatomic's engines run it."""

    def prepare(self, path):
        from metatomic.torch import load_atomistic_model

        return load_atomistic_model(str(path.with_suffix(".pt")))


class Compiled(Torch):
    """With `torch.compile` on metatrain's backend, as in metatrain's own tests."""

    def prepare(self, _path):
        settings = dict(capture_scalar_outputs=True, capture_dynamic_output_shape_ops=True, specialize_int=True)
        for name, value in settings.items():
            setattr(torch._dynamo.config, name, value)
        backend = self.loaded.pet.backend
        for name in ("preprocess", "calculate_features", "predict"):
            setattr(backend, name, torch.compile(getattr(backend, name)))
        return self.eager


MAKERS = {"file": File, "torch": Torch, "TorchScript": Script, "torch.compile": Compiled}
