# SPDX-License-Identifier: MIT
"""The package of tumble for Spack 1.0 and its repository of packages.

Copy the folder to `packages/tumble` of a repository of your own (`spack repo create`). Spack has neither read nor built
it: tests/recipes runs it with stand-ins for Spack's words.
"""

from spack.package import Executable, depends_on, license, run_after, symlink, variant, version, working_dir
from spack_repo.builtin.build_systems.generic import Package


class Tumble(Package):
    """Molecular dynamics with machine-learned potentials that are not exactly rotation-invariant: the command line,
    libtumble for C and Fortran, and pair_style tumble for LAMMPS.
    """

    homepage = "https://example.org/tumble"
    git = "https://example.org/tumble"

    license("MIT")

    version("main", branch="main")

    variant("lammps", default=True, description="Compile the plugin for LAMMPS")
    variant("onnxruntime", default=False, description="Run with Spack's ONNX Runtime, from 1.24, not with one from pip")

    depends_on("c", type="build")
    depends_on("cxx", type=("build", "run"))
    depends_on("rust@1.92:", type="build")
    # Spack's versions ended at 1.22 when this was written.
    depends_on("py-onnxruntime@1.24:", type=("build", "run"), when="+onnxruntime")
    depends_on("lammps@20240829:+lib+plugin+mpi", when="+lammps")
    depends_on("mpi", when="+lammps")

    def install(self, spec, prefix):
        cargo = Executable(spec["rust"].prefix.bin.cargo)
        cargo("build", "--release", "--locked", "-p", "tumble", "-p", "tumble-lammps", "-p", "tumble-capi")
        with working_dir("target/release"):
            symlink("libtumble_capi.so", "libtumble.so")
        Executable("scripts/install/install.sh")(prefix, "target/release")

    @run_after("install", when="+lammps")
    def install_plugin(self):
        tumble, folder = Executable(self.prefix.bin.tumble), self.prefix.lib.tumble.plugins
        mpicxx = self.spec["mpi"].mpicxx
        tumble("lammps", "build", "--lammps", self.spec["lammps"].prefix, "--mpicxx", mpicxx, "--output", folder)

    def setup_run_environment(self, env):
        if self.spec.satisfies("+lammps"):
            env.prepend_path("LAMMPS_PLUGIN_PATH", self.prefix.lib.tumble.plugins)
        if self.spec.satisfies("+onnxruntime"):
            env.set("ORT_DYLIB_PATH", self.spec["py-onnxruntime"].prefix.lib)
