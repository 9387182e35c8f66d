"""Input for LAMMPS shared by the tests: small boxes for toys, and water on a lattice."""

import sys

from lmp import ROOT, TOYS

sys.path.insert(0, str(ROOT / "examples/liquid"))
from lattice import main as write_lattice  # noqa: E402

# Neighbors beyond the adjacent images: heights of 3.9 to 6.3 Å, a cutoff of 3.5 Å and two hops.
TRICLINIC = """
units metal
atom_style {style}
atom_modify map array
newton on
{extra}
region b prism 0 6.5 0 5.9 0 4.1 1.7 -1.2 0.8 units box
create_box 2 b
create_atoms 1 random 8 12345 NULL overlap 0.9 maxtry 500
create_atoms 2 random 14 777 NULL overlap 0.9 maxtry 500
mass 1 15.999
mass 2 1.008
reset_atoms id sort yes
neighbor 1.0 bin
"""

# A cluster in a corner of a big box, and one isolated atom: some of four ranks have no atoms.
CORNER = """
units metal
atom_style atomic
region b block 0 60 0 60 0 60
create_box 2 b
create_atoms 1 single 1.0 1.0 1.0
create_atoms 2 single 1.9 1.1 1.0
create_atoms 2 single 0.4 1.9 59.8
create_atoms 1 single 40 40 40
mass * 1.0
neighbor 1.0 bin
"""

# All digits of energy, pressure and forces.
REPORT = """
thermo_style custom step pe pxx pyy pzz pxy pxz pyz
thermo_modify format float %20.15g
dump 1 all custom 1 forces.dump id x y z fx fy fz
dump_modify 1 sort id format float %20.15g
run 0
"""


def triclinic(style="atomic", extra=""):
    """Twenty-two atoms of two types in a skewed box."""
    return TRICLINIC.format(style=style, extra=extra)


def toy(name="twohop-padded-f64", keywords=""):
    """The pair style with one of the toy models."""
    return model(TOYS / f"{name}.onnx", keywords)


def model(path, keywords=""):
    """The pair style with a model for O and H."""
    return f"pair_style tumble {keywords}\npair_coeff * * {path} O H\n"


def water(folder, n, units="metal"):
    """n^3 water molecules on a lattice, shaken a little so that no force vanishes by symmetry."""
    write_lattice(n, folder / "water.data")
    head = f"units {units}\natom_style atomic\natom_modify map array\nnewton on\nread_data water.data\n"
    return head + "displace_atoms all random 0.05 0.05 0.05 99 units box\nneighbor 1.0 bin\n"
