"""The one version of tumble."""

import re
from pathlib import Path

from setuptools import setup

CARGO = Path(__file__).resolve().parents[2] / "Cargo.toml"

setup(version=re.search(r'^version = "(.+)"$', CARGO.read_text(), re.M)[1])
