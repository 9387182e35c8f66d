// pair_coeff: the model and the elements of the atom types, checked to agree on all ranks.

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "memory.h"
#include "modify.h"
#include "tumble/oversubscription.h"
#include "tumble/pair_tumble.h"
#include "update.h"
#include "utils.h"

using namespace LAMMPS_NS;

namespace tumble {

namespace {

constexpr int MODEL = 2;  // index of the model in the arguments
constexpr const char *SHA256 = "sha256";

// Collective.
std::string broadcast(std::string text, int root, MPI_Comm world) {
  int length = static_cast<int>(text.size());
  MPI_Bcast(&length, 1, MPI_INT, root, world);
  text.resize(length);
  MPI_Bcast(text.data(), length, MPI_CHAR, root, world);
  return text;
}

// Returns the index after the last model: the word at MODEL, and the words after it that end in .onnx.
int end_of_models(int narg, char **arg) {
  int end = std::min(MODEL + 1, narg);
  while (end < narg && utils::strmatch(arg[end], "\\.onnx$")) end++;
  return end;
}

// Returns the ranks with the flag set. Collective.
std::vector<size_t> ranks_with(bool flag, int nprocs, MPI_Comm world) {
  int own = flag ? 1 : 0;
  std::vector<int> flags(nprocs);
  MPI_Allgather(&own, 1, MPI_INT, flags.data(), 1, MPI_INT, world);
  std::vector<size_t> ranks;
  for (int rank = 0; rank < nprocs; rank++)
    if (flags[rank]) ranks.push_back(rank);
  return ranks;
}

}  // namespace

void PairTumble::allocate() {
  if (allocated) return;
  allocated = 1;
  const int n = atom->ntypes + 1;
  memory->create(setflag, n, n, "pair:setflag");
  memory->create(cutsq, n, n, "pair:cutsq");
  memory->create(scales, n, n, "pair:scale");
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < n; j++) {
      setflag[i][j] = 0;
      scales[i][j] = 1.0;
    }
  }
}

// pair_coeff * * model.onnx O H
// pair_coeff * * model.onnx sha256 HEX O H
// pair_coeff * * a.onnx b.onnx c.onnx O H
void PairTumble::coeff(int narg, char **arg) {
  allocate();
  ready = false;
  const int end = end_of_models(narg, arg);
  const bool has_hash = narg > end && std::strcmp(arg[end], SHA256) == 0;
  const int first = end + (has_hash ? 2 : 0);
  check_coefficients(narg, arg, first, end);
  run_collectively([&] {
    units = unit_style(update->unit_style);
    keywords->require_sha256(has_hash ? arg[first - 1] : "");
    const std::vector<rust::String> models(arg + MODEL, arg + end);
    engine.emplace(load_engine({models.data(), models.size()}, *keywords, units));
    species_of_type.assign(1, 0);
    for (int i = first; i < narg; i++) species_of_type.push_back((*engine)->species(arg[i]));
  });
  compare_ranks();
  outputs.start(**engine);
  check_columns();
  nextra = diagnostics.add_entries(outputs.entries());
  pvector = diagnostics.vector();
  for (int i = 1; i <= atom->ntypes; i++)
    for (int j = 1; j <= atom->ntypes; j++) setflag[i][j] = 1;
  if (comm->me == 0)
    utils::logmesg(lmp, "pair_style tumble: {}\n{}", (*engine)->summary().c_str(),
                   outputs.summary(Diagnostics::ENTRIES + 1));
  const size_t threads = keywords->processor_threads();
  if (threads > 0) warn_of_oversubscription(lmp, static_cast<int>(threads));
}

// A fix pair has taken its columns when it was defined, and would read others beyond their end.
void PairTumble::check_columns() {
  if (modify->get_fix_by_style("^pair$").empty()) outputs.forget();
  const std::string changed = outputs.changed();
  if (changed.empty()) return;
  error->all(FLERR,
             "pair_coeff: fix pair stores the output {} of the model before, which this model does not have with the "
             "same columns: unfix it before pair_coeff, and define it anew",
             changed);
}

// `first`: index of the first element; `hash`: index of the word after the models.
void PairTumble::check_coefficients(int narg, char **arg, int first, int hash) {
  if (narg <= MODEL) {
    error->all(
        FLERR,
        "pair_coeff names no model: give the model and the element of each atom type, as in pair_coeff * * model.onnx "
        "O H");
  }
  run_collectively([&] { check_model_word(arg[MODEL]); });
  for (int i = MODEL + 1; i < narg; i++) {
    if (std::strcmp(arg[i], SHA256) != 0 || (i == hash && i + 1 < narg)) continue;
    error->all(
        FLERR,
        "pair_coeff: sha256 and its 64 digits come right after the model: write pair_coeff * * model.onnx sha256 "
        "HEX O H");
  }
  if (narg == first + atom->ntypes) return;
  for (int i = first; i < narg; i++) {
    if (!utils::strmatch(utils::lowercase(arg[i]), "\\.onnx")) continue;
    error->all(FLERR, "pair_coeff: {} is no element: models come first, and the second and later ones end in .onnx",
               arg[i]);
  }
  error->all(FLERR,
             "pair_coeff names {} element(s) but there are {} atom type(s): give the element of each type after the "
             "model, as in pair_coeff * * model.onnx O H",
             std::max(narg - first, 0), atom->ntypes);
}

// Ranks on several machines may read different files of one name, or load different plugins.
void PairTumble::compare_ranks() {
  const rust::String identity = (*engine)->identity(*keywords, {species_of_type.data(), species_of_type.size()});
  std::string own(identity.data(), identity.size());
  own += fmt::format("the value of keyword monitor\t{}\nthe value of keyword uncertainty\t{}\n", monitor, threshold);
  own += fmt::format("charge, spin and field\t{}\n", conditions.text());
  const std::string first = broadcast(own, 0, world);
  const auto different = ranks_with(own != first, comm->nprocs, world);
  if (different.empty()) return;
  const std::string other = broadcast(own, static_cast<int>(different[0]), world);
  run_collectively([&] {
    compare_identities({first.data(), first.size()}, {other.data(), other.size()},
                       {different.data(), different.size()});
  });
}

}  // namespace tumble
