"""The wheel of `make wheel` in an empty environment, far from the source tree."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Installed:
    """An environment with the wheel, and an empty folder to work in."""

    environment: Path
    folder: Path

    def run(self, *command, code=0, **variables):
        """Standard output of one of the environment's programs, without settings of tumble and without activation."""
        program, *arguments = map(str, command)
        done = subprocess.run(
            [self.environment / "bin" / program if program != "bash" else program, *arguments],
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder), **variables},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    def python(self, text):
        """Output of a Python program."""
        (self.folder / "program.py").write_text(text)
        return self.run("python", "program.py")


@pytest.fixture(scope="session")
def wheel():
    """The file of `make wheel`."""
    (found,) = (ROOT / "target/wheel").glob("tumble_md-*.whl")
    return found


@pytest.fixture(scope="session")
def installed(wheel, tmp_path_factory):
    """The wheel, with ASE and its matching LAMMPS."""
    environment = tmp_path_factory.mktemp("wheel") / "v"
    # Not sys.executable's own environment: the interpreter that it was made of.
    subprocess.run([Path(sys.base_prefix) / "bin/python3", "-m", "venv", environment], check=True)
    pip = [environment / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    outside = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    subprocess.run([*pip, f"{wheel}[ase,lammps]"], check=True, env=outside, cwd=environment)
    return Installed(environment, tmp_path_factory.mktemp("work"))


@pytest.fixture(scope="session")
def with_others(installed):
    """The same, with pytest and i-PI, which are no requirements of the wheel."""
    pinned = [line for line in (ROOT / "tests/requirements.txt").read_text().splitlines() if line.startswith("ipi")]
    installed.run("python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pytest", *pinned)
    return installed
