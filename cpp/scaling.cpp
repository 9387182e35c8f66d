// The factor of energy, forces and virial that fix adapt and compute fep change.

#include <cstring>

#include "atom.h"
#include "error.h"
#include "tumble/pair_tumble.h"

using namespace LAMMPS_NS;

namespace tumble {

// The energy of a model is no sum over pairs of types: only a factor that is the same for all has a meaning. Only pairs
// i <= j are looked at, since LAMMPS writes no others.
void PairTumble::check_scale() {
  scale = scales[1][1];
  for (int i = 1; i <= atom->ntypes; i++) {
    for (int j = i; j <= atom->ntypes; j++) {
      if (scales[i][j] == scale) continue;
      error->all(
          FLERR,
          "pair_style tumble: scale is {:.6g} for types 1 1 but {:.6g} for types {} {}, and the model's energy is "
          "no sum over pairs that could be scaled apart: write scale * * in fix adapt or compute fep",
          scale, scales[i][j], i, j);
    }
  }
}

// `scale` [ntypes + 1][ntypes + 1] for fix adapt and compute fep; the flags are set by fix pair before a step at which
// it reads.
void *PairTumble::extract(const char *name, int &dimensions) {
  if (std::strcmp(name, "scale") == 0) {
    allocate();
    dimensions = 2;
    return scales;
  }
  dimensions = 0;
  if (std::strcmp(name, "spread_flag") == 0 || std::strcmp(name, "uncertainty_flag") == 0) return &per_atom_wanted;
  return nullptr;
}

}  // namespace tumble
