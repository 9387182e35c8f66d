"""The lines recommended by `tumble check` run unchanged."""

import json
import os
import subprocess

import pytest
from boxes import water
from lmp import COMMAND_LINE, TOYS, succeed

MODEL = TOYS / "harmonic-padded-f64.onnx"
ENVIRONMENT = os.environ | {"ORT_DISABLE_TELEMETRY": "1"}


@pytest.fixture(scope="module", name="recommended")
def _recommended():
    # Without these the plan, and with it the recommendation, depends on the load of the machine.
    plan = ["--reference", "degree:9", "--orientations", "4"]
    command = [COMMAND_LINE, "check", MODEL, "--json", *plan]
    out = subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT).stdout
    return json.loads(out)["recommendation"]


def test_recommendation_for_lammps_runs_there(tmp_path, recommended):
    script = water(tmp_path, 2) + f"{recommended['lammps']}\npair_coeff * * {MODEL} O H\nfix 1 all nve\nrun 5\n"
    assert "pair_style tumble rotate icosahedral every 4" in script
    assert len(succeed(tmp_path, script).thermo()) == 2


def test_the_alternative_with_its_thermostat_runs_too(tmp_path, recommended):
    style, langevin = recommended["random"]["lammps"]
    script = water(tmp_path, 2) + f"{style}\npair_coeff * * {MODEL} O H\nfix 1 all nve\n{langevin}\nrun 5\n"
    assert len(succeed(tmp_path, script).thermo()) == 2


def test_the_command_for_ipi_waits_for_its_server(tmp_path, recommended):
    (tmp_path / "start.xyz").write_text("1\n\nO 0 0 0\n")
    words = recommended["ipi"].replace("--unix driver", "--unix nobody-is-there").split()
    done = subprocess.run(
        [COMMAND_LINE, *words[1:], "--retry", "1"], cwd=tmp_path, capture_output=True, text=True, env=ENVIRONMENT
    )
    assert done.returncode == 1
    assert "nobody-is-there" in done.stderr
