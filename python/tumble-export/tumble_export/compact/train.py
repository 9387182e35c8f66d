"""Train the compact PET on forces and energies, within a budget of minutes.

`python -m tumble_export.compact.train DATA --minutes 55 --out water.pt`
"""

import argparse
import csv
import time

import numpy as np
import torch

from . import data, pair_baseline
from .muon import Muon
from .objective import make_step, rotation
from .pet import Pet


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="folder with data_0.npz to data_2.npz (data_3 is the test set, and is not read)")
    parser.add_argument("--out", default="water.pt", help="checkpoint, rewritten as the training goes on")
    parser.add_argument("--log", default="water.csv", help="learning curve")
    parser.add_argument("--minutes", type=float, default=55.0)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--cutoff", type=float, default=3.7)
    parser.add_argument("--width", type=int, default=48)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=96)
    parser.add_argument("--decay", type=float, default=0.02, help="weight decay, times the learning rate")
    parser.add_argument("--energy", type=float, nargs=2, default=(1e-4, 3e-3), help="first and last energy weight")
    parser.add_argument("--every", type=float, default=2.0, help="minutes between validations")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resume", help="checkpoint to go on from")
    return parser.parse_args()


class Trainer:
    """Data, weights, their running average, and the optimizers."""

    def __init__(self, args):
        self.args = args
        torch.manual_seed(args.seed)
        self.generator = torch.Generator().manual_seed(args.seed + 1)
        frames = data.load(args.data, (0, 1, 2))
        data.find_neighbors(frames, args.cutoff)
        self.model = Pet(cutoff=args.cutoff, width=args.width, heads=args.heads, hidden=args.hidden)
        self.fit_pair([f for n, f in enumerate(frames) if n % 20 != 19])
        slots = max(map(data.largest, frames))
        self.frames = [(data.tensors(f, args.cutoff, slots), f["energy"] - self.mean) for f in frames]
        self.valid = self.frames[19::20]
        self.train = [f for n, f in enumerate(self.frames) if n % 20 != 19]
        self.names = ["model." + n for n, _ in self.model.named_parameters()]
        self.values = [p.detach() for p in self.model.parameters()]
        self.average = [v.clone() for v in self.values]
        self.matrices = [v for v in self.values if v.ndim == 2]
        self.vectors = [v for v in self.values if v.ndim != 2]
        self.muon = Muon(self.matrices)
        self.adam = torch.optim.AdamW(self.vectors, lr=args.lr, betas=(0.9, 0.99), weight_decay=0.0, foreach=True)
        self.steps, self.elapsed, self.shift, self.history = 0, 0.0, 0.0, []
        print(f"{len(self.train)} frames, {len(self.valid)} to validate, K {slots}, ", end="")
        print(f"{sum(v.numel() for v in self.values)} parameters", flush=True)
        if args.resume:
            self.resume(torch.load(args.resume, weights_only=False))
        self.step = make_step(self.model, self.names, self.inputs(self.values, self.train[0], torch.eye(3), 0.1))

    def fit_pair(self, frames):
        species = self.model.config["species"]
        rmse = pair_baseline.fit(self.model.pair, [data.pair_frame(f, species) for f in frames[::6]])
        self.mean = np.mean([f["energy"] for f in frames])
        print(f"pair term alone: force RMSE {rmse * 1000:.1f} meV/A on training frames", flush=True)

    def inputs(self, values, frame, turn, weight):
        (vectors, neighbors, mask, reverse, species, forces), energy = frame
        target = torch.tensor(energy + self.shift, dtype=torch.float32)
        inner = (vectors @ turn, neighbors, mask, reverse, species)
        return values, inner, forces @ turn, target, torch.tensor(weight, dtype=torch.float32)

    def schedule(self):
        """Learning rate: up within 300 steps, then linearly to zero; energy weight: up in the second half."""
        progress = min(1.0, self.elapsed / (60 * self.args.minutes))
        first, last = self.args.energy
        weight = first * (last / first) ** min(1.0, max(0.0, (progress - 0.4) / 0.4))
        return self.args.lr * min(1.0, (self.steps + 1) / 300) * (1 - progress), weight

    def update(self, frame):
        lr, weight = self.schedule()
        turn = rotation(self.generator).float()
        square, error, gradients = self.step(*self.inputs(self.values, frame, turn, weight))
        # the network does not learn the mean energy of the set: track it here, and fit it at the end
        self.shift += float(error) * max(0.02, 1 / (self.steps + 1))
        norm = torch.nn.utils.get_total_norm(gradients)
        scale = float((20.0 / (norm + 1e-9)).clamp(max=1.0))
        by_id = {id(v): g * scale for v, g in zip(self.values, gradients)}
        self.muon.step({v: by_id[id(v)] for v in self.matrices}, lr, self.args.decay)
        for v in self.vectors:
            v.grad = by_id[id(v)]
        for group in self.adam.param_groups:
            group["lr"] = lr
        self.adam.step()
        self.steps += 1
        torch._foreach_lerp_(self.average, self.values, 1 - min(0.999, (self.steps + 1) / (self.steps + 20)))
        return float(square), float(norm)

    def validate(self):
        """Force RMSE (meV/Å) and the standard deviation of the energy error (meV/atom) on the validation frames."""
        squares, errors = [], []
        for frame in self.valid:
            square, error, _ = self.step(*self.inputs(self.average, frame, torch.eye(3), 0.1))
            squares.append(float(square))
            errors.append(float(error))
        return 1e3 * np.mean(squares) ** 0.5, 1e3 * np.std(errors) / len(self.valid[0][0][4])

    def run(self):
        """Train until the minutes are used up."""
        self.validate()  # compiles the step
        clock, last, recent = time.time(), self.elapsed, []
        order = []
        while self.elapsed < 60 * self.args.minutes:
            order = order or torch.randperm(len(self.train), generator=self.generator).tolist()
            recent.append(self.update(self.train[order.pop()]))
            now = time.time()
            self.elapsed, clock = self.elapsed + now - clock, now
            if self.elapsed - last > 60 * self.args.every or self.elapsed >= 60 * self.args.minutes:
                last = self.elapsed
                self.report(recent)
                recent, clock = [], time.time()

    def report(self, recent):
        squares, norms = np.array(recent).T
        force, energy = self.validate()
        row = dict(minutes=self.elapsed / 60, steps=self.steps, train_force_rmse=1e3 * squares.mean() ** 0.5)
        row |= dict(
            valid_force_rmse=force, valid_energy_std=energy, lr=self.schedule()[0], norm=float(np.median(norms))
        )
        self.history.append(row)
        print(" ".join(f"{k} {v:.5g}" for k, v in row.items()), flush=True)
        with open(self.args.log, "w", newline="") as file:
            writer = csv.DictWriter(file, row.keys())
            writer.writeheader()
            writer.writerows(self.history)
        self.save()

    def save(self):
        names = [n.removeprefix("model.") for n in self.names]
        state = dict(self.model.state_dict()) | dict(zip(names, self.average))
        torch.save(
            dict(
                config=self.model.config,
                state={k: v.clone() for k, v in state.items()},
                mean=self.mean,
                args=vars(self.args),
                history=self.history,
                resume=dict(
                    values=self.values,
                    average=self.average,
                    muon=self.muon.buffers,
                    adam=self.adam.state_dict(),
                    counters=(self.steps, self.elapsed, self.shift),
                ),
            ),
            self.args.out,
        )

    def resume(self, checkpoint):
        saved = checkpoint["resume"]
        for mine, theirs in zip(self.values + self.average, saved["values"] + saved["average"]):
            mine.copy_(theirs)
        self.muon.buffers = saved["muon"]
        self.adam.load_state_dict(saved["adam"])
        self.steps, self.elapsed, self.shift = saved["counters"]
        self.history = checkpoint["history"]


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    Trainer(args).run()


if __name__ == "__main__":
    main()
