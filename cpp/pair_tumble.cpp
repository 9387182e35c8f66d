#include "tumble/pair_tumble.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "modify.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "platform.h"
#include "update.h"
#include "utils.h"

using namespace LAMMPS_NS;

namespace tumble {

PairTumble::PairTumble(LAMMPS *lmp) : Pair(lmp), view(lmp), diagnostics(lmp) {
  single_enable = 0;
  restartinfo = 0;
  one_coeff = 1;
  manybody_flag = 1;
  respa_enable = 0;
  // The virial is summed from the edges; without this LAMMPS would expect it from forces and report zero pressure.
  no_virial_fdotr_compute = 1;
  centroidstressflag = CENTROID_AVAIL;
  nextra = Diagnostics::ENTRIES;
  pvector = diagnostics.vector();
  // A rank without atoms must have something to point to all the same.
  spreads.reserve(1);
  uncertainties.reserve(1);
}

PairTumble::~PairTumble() {
  if (steps) modify->delete_fix(steps->id);
  if (!allocated) return;
  memory->destroy(setflag);
  memory->destroy(cutsq);
}

void PairTumble::allocate() {
  if (allocated) return;
  allocated = 1;
  const int n = atom->ntypes + 1;
  memory->create(setflag, n, n, "pair:setflag");
  memory->create(cutsq, n, n, "pair:cutsq");
}

// pair_coeff * * model.onnx O H
void PairTumble::coeff(int narg, char **arg) {
  allocate();
  if (narg != 3 + atom->ntypes) {
    error->all(FLERR,
               "pair_coeff names {} element(s) but there are {} atom type(s): give the element of each type after the "
               "model, as in pair_coeff * * model.onnx O H",
               std::max(narg - 3, 0), atom->ntypes);
  }
  together([&] {
    units = unit_style(update->unit_style);
    engine.emplace(load_engine(arg[2], keywords, units));
    species_of_type.assign(1, 0);
    for (int i = 3; i < narg; i++) species_of_type.push_back((*engine)->species(arg[i]));
  });
  for (int i = 1; i <= atom->ntypes; i++)
    for (int j = 1; j <= atom->ntypes; j++) setflag[i][j] = 1;
  if (comm->me == 0) utils::logmesg(lmp, "pair_style tumble: {}\n", (*engine)->summary().c_str());
}

void PairTumble::init_style() {
  check_setup();
  check_neighbors();
  check_stepping();
  request_neighbors();
  follow_steps();
  diagnostics.start_run(units, static_cast<int>(keywords.every), (*engine)->is_random());
}

void PairTumble::check_setup() {
  if (!engine) {
    error->all(
        FLERR,
        "pair_style tumble has no model: write pair_coeff * * model.onnx and the element of each atom type after "
        "every pair_style");
  }
  if (!force->newton_pair) error->all(FLERR, "pair_style tumble needs newton on for pairs: write newton on");
  if (!atom->tag_enable) error->all(FLERR, "pair_style tumble needs atom IDs: remove atom_modify id no");
  if (threshold > 0.0 && !(*engine)->has_ensemble()) {
    error->all(FLERR,
               "pair_style tumble: uncertainty is {}, but the model has no ensemble to tell it: remove the keyword",
               threshold);
  }
}

void PairTumble::check_neighbors() {
  if (comm->mode != Comm::SINGLE) {
    error->all(FLERR, "pair_style tumble needs one ghost cutoff for all types: write comm_modify mode single");
  }
  const double *lj = force->special_lj, *coul = force->special_coul;
  for (int k = 1; k <= 3 && atom->molecular != Atom::ATOMIC; k++) {
    // LAMMPS leaves bonded pairs out of the list where both factors are zero.
    if (lj[k] == 0.0 && coul[k] == 0.0) {
      error->all(FLERR, "pair_style tumble must see bonded pairs too: write special_bonds lj/coul 1 1 1");
    }
  }
  // LAMMPS' default in units si is a millimeter: its ghosts would fill the memory.
  const double cutoff = (*engine)->cutoff();
  if (neighbor->skin > 10.0 * cutoff) {
    error->all(FLERR,
               "pair_style tumble: the neighbor skin of {:.4g} is far longer than the model's cutoff of {:.4g}: write "
               "neighbor {:.4g} bin",
               neighbor->skin, cutoff, 0.25 * cutoff);
  }
}

void PairTumble::request_neighbors() {
  const int hops = static_cast<int>((*engine)->hops());
  // On one rank all ghosts are images of own atoms, which have their neighbors already.
  const bool alone = comm->nprocs == 1;
  if ((*engine)->is_whole() && !alone) {
    error->all(FLERR,
               "pair_style tumble: the model's energy is one of the whole structure and not a sum over atoms, so {} "
               "ranks cannot share it: run LAMMPS on one rank",
               comm->nprocs);
  }
  const bool rows_of_ghosts = hops > 1 && !alone;
  if (rows_of_ghosts && (neighbor->style == Neighbor::MULTI || neighbor->style == Neighbor::MULTI_OLD)) {
    error->all(FLERR,
               "pair_style tumble: LAMMPS has no neighbor list of style multi for a model of {} hops on several ranks: "
               "write neighbor {:.4g} bin",
               hops, neighbor->skin);
  }
  neighbor->add_request(this, rows_of_ghosts ? NeighConst::REQ_FULL | NeighConst::REQ_GHOST : NeighConst::REQ_FULL);
  // Ghosts are needed as far as an own atom's energy sees; without this line results are silently a little wrong.
  const double reach = (alone ? 1 : hops) * (*engine)->cutoff() + neighbor->skin;
  comm->cutghostuser = std::max(comm->cutghostuser, reach);
}

// Not before the first step is it known where a list comes from and what fixes leave out of it.
void PairTumble::check_list() {
  if (neighbor->nex_type > 0 || neighbor->nex_group > 0 || neighbor->nex_mol > 0) {
    error->all(
        FLERR,
        "pair_style tumble must see all neighbors: remove neigh_modify exclude, or the fix that leaves out atoms "
        "(fix gcmc and fix widom do with full_energy)");
  }
  bool partial = false;
  for (const NeighList *source = list; source; source = source->listcopy) partial |= source->listskip != nullptr;
  if (partial) {
    error->all(
        FLERR,
        "pair_style tumble must see every pair of atoms, but pair_style hybrid gives some pairs of types to other "
        "styles only: use hybrid/overlay with pair_coeff * * tumble ...");
  }
}

double PairTumble::init_one(int, int) { return (*engine)->cutoff(); }

void PairTumble::compute(int eflag, int vflag) {
  const double start = platform::walltime();
  ev_init(eflag, vflag);
  check_list();
  const Ask asked = ask();
  const size_t max_tag = asked.measure ? diagnostics.max_tag() : 0;
  together([&] {
    view.gather(list, species_of_type);
    (*engine)->evaluate(view.data(diagnostics.masses(), max_tag), asked, result);
  });
  energy_scale = scale * units.electron_volt;
  force_scale = energy_scale / units.angstrom;
  scatter();
  note_step(asked.integrator);
  diagnostics.add_step(**engine, result, platform::walltime() - start);
  if (threshold > 0.0) diagnostics.check_uncertainty(uncertainties, threshold);
  if (eflag_global) diagnostics.publish();
}

void PairTumble::together(const std::function<void()> &action) {
  std::string sentence;
  try {
    action();
  } catch (const std::exception &failure) {
    sentence = failure.what();
    if (sentence.empty()) sentence = "unknown failure";
  }
  int first = sentence.empty() ? comm->nprocs : comm->me;
  MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, world);
  if (first == comm->nprocs) return;
  int length = static_cast<int>(sentence.size());
  MPI_Bcast(&length, 1, MPI_INT, first, world);
  sentence.resize(length);
  MPI_Bcast(sentence.data(), length, MPI_CHAR, first, world);
  error->all(FLERR, "pair_style tumble: {}", sentence);
}

void PairTumble::scatter() {
  double **f = atom->f;
  for (size_t node = 0; node < result.atoms.size(); node++)
    for (int k = 0; k < 3; k++) f[result.atoms[node]][k] += force_scale * result.forces[3 * node + k];
  scatter_global();
  scatter_per_atom();
}

void PairTumble::scatter_global() {
  if (eflag_global) eng_vdwl += energy_scale * result.energy;
  if (!vflag_global) return;
  if (!result.has_virial) {
    warn_once(warned_of_virial,
              "direct forces come without a virial here, so the pressure is nan: use forces conservative, or one MPI "
              "rank, a periodic box and a model that gives stress");
  }
  // LAMMPS asks for the virial at every output, wanted or not; a pressure that is not a number cannot mislead.
  for (int k = 0; k < 6; k++) virial[k] += result.has_virial ? energy_scale * result.virial[k] : NAN;
}

void PairTumble::scatter_per_atom() {
  const int nlocal = atom->nlocal;
  if (eflag_atom)
    for (int i = 0; i < nlocal; i++) eatom[i] += energy_scale * result.atomic_energies[i];
  for (size_t node = 0; node < result.atoms.size(); node++) {
    const size_t i = result.atoms[node];
    if (vflag_atom)
      for (int k = 0; k < 6; k++) vatom[i][k] += energy_scale * result.virials[6 * node + k];
    if (cvflag_atom)
      for (int k = 0; k < 9; k++) cvatom[i][k] += energy_scale * result.centroid_virials[9 * node + k];
  }
  if (cvflag_atom && (*engine)->hops() > 1) {
    warn_once(
        warned_of_flux,
        "centroid virials of a model with several hops take the energy of distant edges to sit at their centers, so "
        "that a heat flux made of them is approximate");
  }
  spreads.resize(nlocal);
  uncertainties.resize(result.uncertainties.empty() ? 0 : nlocal);
  for (int i = 0; i < nlocal; i++) spreads[i] = energy_scale * result.spreads[i];
  for (size_t i = 0; i < uncertainties.size(); i++) uncertainties[i] = energy_scale * result.uncertainties[i];
}

void PairTumble::warn_once(bool &warned, const std::string &sentence) {
  if (!warned && comm->me == 0) error->warning(FLERR, "pair_style tumble: {}", sentence);
  warned = true;
}

void PairTumble::finish() { diagnostics.print_summary(); }

// `scale` for fix adapt; the flags are set by fix pair before a step at which it reads.
void *PairTumble::extract(const char *name, int &dimensions) {
  dimensions = 0;
  if (std::strcmp(name, "scale") == 0) return &scale;
  if (std::strcmp(name, "spread_flag") == 0 || std::strcmp(name, "uncertainty_flag") == 0) return &per_atom_wanted;
  return nullptr;
}

// For fix pair: standard deviations of the energy of each atom, over the rotations and over the ensemble.
void *PairTumble::extract_peratom(const char *name, int &columns) {
  columns = 0;
  if (std::strcmp(name, "spread") == 0) return spreads.data();
  if (std::strcmp(name, "uncertainty") != 0) return nullptr;
  if (engine && !(*engine)->has_ensemble()) {
    error->all(FLERR,
               "pair_style tumble: fix pair asks for the uncertainty, but the model has no ensemble to tell it: remove "
               "the fix");
  }
  return uncertainties.data();
}

double PairTumble::memory_usage() {
  const size_t doubles = result.forces.size() + spreads.capacity() + uncertainties.capacity();
  return Pair::memory_usage() + view.bytes() + static_cast<double>(doubles * sizeof(double));
}

}  // namespace tumble
