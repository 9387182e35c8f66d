"""The sentence for `newton off`. The LAMMPS of the tests has no KOKKOS: its sentence is compared with the manual's."""

from boxes import toy, triclinic
from lmp import ROOT, run

LINE = "-k on -sf kk -pk kokkos newton on neigh half"


def test_newton_off_without_kokkos_is_told_to_write_newton_on(tmp_path):
    failed = run(tmp_path, triclinic().replace("newton on", "newton off") + toy() + "run 0\n")
    assert failed.code != 0
    assert "pair_style tumble needs newton on for pairs: write newton on" in failed.output
    assert LINE not in failed.output


def test_the_line_for_kokkos_is_the_one_of_the_manual():
    pages = {name: " ".join((ROOT / f"docs/{name}.md").read_text().split()) for name in ("errors", "lammps", "kokkos")}
    assert all(LINE in text for text in pages.values()), pages.keys()
    assert f"runs beside KOKKOS on the host: start LAMMPS with {LINE}" in pages["errors"]
