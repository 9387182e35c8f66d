"""The errors of every run.sh for wrong options, and `--draw` without any run."""

import subprocess

import pytest
from loading import ENVIRONMENT, EXAMPLES

FOLDERS = ["gas-nve", "gas-nvt", "ice", "errors", "infrared", "liquid-nvt", "stability"]


def script(folder, *options):
    """Exit code and errors of the run script of an example."""
    done = subprocess.run([EXAMPLES / folder / "run.sh", *options], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_unknown_option_is_named_with_the_known_ones(folder):
    expected = "run.sh does not know --fast: --long, --draw, --model FILE, --steps N\n"
    assert script(folder, "--fast") == (2, expected)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_missing_model_is_named(folder):
    expected = "there is no model /nowhere/model.onnx: give one by --model FILE\n"
    assert script(folder, "--model", "/nowhere/model.onnx") == (1, expected)


def test_an_option_without_its_value_is_an_error():
    code, words = script("ice", "--steps")
    assert code == 1 and "--steps needs a number" in words
