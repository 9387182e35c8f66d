// Checks before a run: settings of LAMMPS that would hide atoms or neighbors from the pair style, and suspicious
// masses.

#include <algorithm>
#include <stdexcept>

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "error.h"
#include "force.h"
#include "lammps.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "tumble/lammps_features.h"
#include "tumble/pair_tumble.h"
#include "update.h"
#include "utils.h"

using namespace LAMMPS_NS;

namespace tumble {

void PairTumble::check_setup() {
  if (!engine) {
    error->all(
        FLERR,
        "pair_style tumble has no model: write pair_coeff * * model.onnx and the element of each atom type after "
        "every pair_style");
  }
  // On GPUs, KOKKOS turns newton off by itself.
  if (!force->newton_pair && lmp->kokkos) {
    error->all(
        FLERR,
        "pair_style tumble needs newton on for pairs, and runs beside KOKKOS on the host: start LAMMPS with -k on "
        "-sf kk -pk kokkos newton on neigh half");
  }
  if (!force->newton_pair) error->all(FLERR, "pair_style tumble needs newton on for pairs: write newton on");
  if (!atom->tag_enable) error->all(FLERR, "pair_style tumble needs atom IDs: remove atom_modify id no");
  if (threshold > 0.0 && !(*engine)->has_ensemble()) {
    error->all(FLERR, "pair_style tumble: uncertainty is {}, but the model has no ensemble: remove the keyword",
               threshold);
  }
  conditions.check();
  run_collectively([&] {
    std::vector<rust::String> words(conditions.given().begin(), conditions.given().end());
    (*engine)->check_conditions({words.data(), words.size()});
  });
  warn_of_masses();
  log_axes();
}

// Masses of other elements suggest elements in the wrong order.
void PairTumble::warn_of_masses() {
  const std::vector<double> masses = masses_of_types();
  const rust::String text =
      (*engine)->mass_warning({species_of_type.data(), species_of_type.size()}, {masses.data(), masses.size()});
  const std::string sentence(text.data(), text.size());
  if (!sentence.empty() && sentence != last_mass_warning && comm->me == 0)
    error->warning(FLERR, "pair_style tumble: {}", sentence);
  last_mass_warning = sentence;
}

// Returns masses [ntypes + 1] in LAMMPS' unit: means if masses are per atom, 0 if unknown. Collective.
std::vector<double> PairTumble::masses_of_types() const {
  const int n = atom->ntypes + 1;
  std::vector<double> masses(n, 0.0), counts(n, 0.0);
  if (!atom->rmass) {
    for (int t = 1; t < n; t++)
      if (atom->mass_setflag[t]) masses[t] = atom->mass[t];
    return masses;
  }
  for (int i = 0; i < atom->nlocal; i++) {
    masses[atom->type[i]] += atom->rmass[i];
    counts[atom->type[i]] += 1.0;
  }
  MPI_Allreduce(MPI_IN_PLACE, masses.data(), n, MPI_DOUBLE, MPI_SUM, world);
  MPI_Allreduce(MPI_IN_PLACE, counts.data(), n, MPI_DOUBLE, MPI_SUM, world);
  for (int t = 1; t < n; t++) masses[t] /= std::max(counts[t], 1.0);
  return masses;
}

void PairTumble::log_axes() {
  if (!domain->triclinic_general || logged_axes) return;
  logged_axes = true;
  if (comm->me != 0) return;
  utils::logmesg(lmp,
                 "pair_style tumble: LAMMPS has rotated the general triclinic box to its own axes; the model gets the "
                 "axes of the input\n");
}

void PairTumble::check_neighbors() {
  check_exclusions();
  check_ghosts();
  // LAMMPS' default in units si is a millimeter: its ghosts would fill the memory.
  const double cutoff = (*engine)->cutoff();
  if (neighbor->skin > 10.0 * cutoff) {
    error->all(FLERR,
               "pair_style tumble: the neighbor skin of {:.4g} is far longer than the model's cutoff of {:.4g}: write "
               "neighbor {:.4g} bin",
               neighbor->skin, cutoff, 0.25 * cutoff);
  }
}

// Decides whether ranks exchange messages between the layers of the model. Collective.
void PairTumble::decide_exchange() {
  exchanges = false;
  if (comm->nprocs == 1 || !keywords->exchange()) return;
  const bool has_hops = (*engine)->hops() > 1 || (*engine)->is_whole();
  std::string note;
  try {
    const size_t stages = (*engine)->stages();
    exchanges = has_hops || stages > 1;
    if (exchanges) note = fmt::format("ranks exchange messages between the {} stages of the model", stages);
  } catch (const std::exception &failure) {
    if (has_hops) note = failure.what();
  }
  int all = exchanges ? 1 : 0;
  MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_MIN, world);
  exchanges = all == 1;
  if (comm->me == 0 && !note.empty() && note != last_exchange_note)
    utils::logmesg(lmp, "pair_style tumble: {}\n", note);
  last_exchange_note = note;
}

void PairTumble::request_neighbors() {
  // On one rank all ghosts are images of own atoms, and own atoms have neighbor lists anyway.
  const bool alone = comm->nprocs == 1;
  const int hops = alone || exchanges ? 1 : static_cast<int>((*engine)->hops());
  if ((*engine)->is_whole() && !alone && !exchanges) {
    error->all(FLERR,
               "pair_style tumble: the model's energy is global, not a sum over atoms, and cannot be split over {} "
               "ranks{}: run LAMMPS on one rank{}",
               comm->nprocs, keywords->exchange() ? "" : " without exchange",
               keywords->exchange() ? "" : ", or remove exchange no");
  }
  const bool rows_of_ghosts = hops > 1;
  if (rows_of_ghosts && has_multi_bins(neighbor)) {
    error->all(FLERR,
               "pair_style tumble: LAMMPS has no neighbor list of style multi for a model of {} hops on several ranks: "
               "write neighbor {:.4g} bin",
               hops, neighbor->skin);
  }
  neighbor->add_request(this, rows_of_ghosts ? NeighConst::REQ_FULL | NeighConst::REQ_GHOST : NeighConst::REQ_FULL);
  // The energy of an own atom depends on ghosts up to here; without this line results are silently a little wrong.
  reach = hops * (*engine)->cutoff() + neighbor->skin;
  comm->cutghostuser = std::max(comm->cutghostuser, reach);
}

}  // namespace tumble
