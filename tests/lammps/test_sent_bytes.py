"""What ranks send each other, message by message, against the counts of benches/lammps/exchange_cost.py."""

import json
import shutil
import subprocess
import sys

import pytest
from lmp import BIN, BUILD, COMMAND_LINE, ROOT, WATER

sys.path.insert(0, str(ROOT / "benches/lammps"))

import bricks  # noqa: E402
import exchange_cost  # noqa: E402
import geometry  # noqa: E402
import mpi_record  # noqa: E402
from liquid import Liquid  # noqa: E402

MTT_PET = ROOT / "examples/models/water-mtt-pet.onnx"
pytestmark = pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")


def recorded(folder, model, repeats, ranks, rotate):
    """The messages of each rank in one force call."""
    words = dict(model=model, n=repeats, steps=0, rotate=rotate, exchange="yes", data=geometry.DATA)
    variables = [str(word) for name, value in words.items() for word in ("-var", name, value)]
    arguments = ["-in", ROOT / "benches/lammps/in.ranks", "-log", "none", "-screen", "none", *variables]
    environment = dict(LAMMPS_PLUGIN_PATH=str(BUILD), VIRTUAL_ENV=str(BIN.parent), ORT_DISABLE_TELEMETRY="1")
    return [rank.messages for rank in mpi_record.run(folder, BIN, ranks, arguments, environment)]


def counted(path, repeats, ranks, rotations):
    """The same from the counts."""
    info = subprocess.run([COMMAND_LINE, "info", path, "--json"], check=True, capture_output=True).stdout
    model, liquid, numbers = exchange_cost.Model.read(json.loads(info)), Liquid(repeats), bricks.grid(ranks)
    counts = [exchange_cost.count(liquid, numbers, bricks.brick_of(rank, numbers), model) for rank in range(ranks)]
    size = [max(getattr(of_rank, name) for of_rank in counts) for name in ("own", "widest")]
    batches = exchange_cost.batches(*size, model, rotations)
    return [
        [message for round in exchange_cost.sent(of_rank, model, batches) for message in sorted(round.items())]
        for of_rank in counts
    ]


@pytest.mark.parametrize(
    "model, repeats, ranks, rotate, rotations",
    [(WATER, 1, 4, "none", 1), (WATER, 2, 8, "none", 1), (MTT_PET, 1, 6, "none", 1), (WATER, 1, 4, "octahedral", 24)],
)
def test_messages_are_the_counted_ones(tmp_path, model, repeats, ranks, rotate, rotations):
    found = recorded(tmp_path, model, repeats, ranks, rotate)
    assert found == counted(model, repeats, ranks, rotations)
