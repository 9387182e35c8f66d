// The scale factor of energy, forces and virial for fix adapt and compute fep.

#include <cstring>

#include "atom.h"
#include "error.h"
#include "tumble/pair_tumble.h"

using namespace LAMMPS_NS;

namespace tumble {

// The energy of a model is not a sum over pairs of types, so the factor must be the same for all of them. LAMMPS sets
// only pairs i <= j.
void PairTumble::check_scale() {
  scale = scales[1][1];
  for (int i = 1; i <= atom->ntypes; i++) {
    for (int j = i; j <= atom->ntypes; j++) {
      if (scales[i][j] == scale) continue;
      error->all(
          FLERR,
          "pair_style tumble: scale is {:.6g} for types 1 1 but {:.6g} for types {} {}, and the model's energy is "
          "not a sum over pairs: write scale * * in fix adapt or compute fep",
          scale, scales[i][j], i, j);
    }
  }
}

// `scale` [ntypes + 1][ntypes + 1] for fix adapt and compute fep; fix pair sets the flags before a step at which it
// reads the values.
void *PairTumble::extract(const char *name, int &dimensions) {
  if (std::strcmp(name, "scale") == 0) {
    allocate();
    dimensions = 2;
    return scales;
  }
  dimensions = 0;
  const std::string flag(name);
  const size_t end = flag.rfind("_flag");
  if (end == std::string::npos) return nullptr;
  const std::string field = flag.substr(0, end);
  const bool known = field == "spread" || field == "uncertainty" || field == "force_deviation" || outputs.has(field);
  return known ? &per_atom_wanted : nullptr;
}

}  // namespace tumble
