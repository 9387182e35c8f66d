#include "tumble/pair_tumble.h"

#include <algorithm>
#include <cmath>
#include <exception>

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"
#include "utils.h"

using namespace LAMMPS_NS;

namespace tumble {

namespace {

constexpr int ROWS_OF_OWN_ATOMS = NeighConst::REQ_FULL;
constexpr int ROWS_OF_GHOSTS_TOO = NeighConst::REQ_FULL | NeighConst::REQ_GHOST;

PairSettings default_keywords() {
  PairSettings keywords{};
  keywords.rotate = "none";
  keywords.seed = 0;
  keywords.threads = 1;
  keywords.memory_mb = 32;  // as Settings::default()
  keywords.device = "cpu";
  return keywords;
}

}  // namespace

PairTumble::PairTumble(LAMMPS *lmp) : Pair(lmp), keywords(default_keywords()) {
  single_enable = 0;
  restartinfo = 0;
  one_coeff = 1;
  manybody_flag = 1;
  respa_enable = 0;
  // The virial is summed from the edges; without this LAMMPS would expect it from forces and report zero pressure.
  no_virial_fdotr_compute = 1;
  centroidstressflag = CENTROID_NOTAVAIL;
}

PairTumble::~PairTumble() {
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

// pair_style tumble [rotate SPEC] [inversion yes|no] [seed N] [threads N] [memory MB] [forces KIND] [device NAME]
void PairTumble::settings(int narg, char **arg) {
  keywords = default_keywords();
  for (int i = 0; i < narg; i += 2) {
    if (i + 1 == narg) error->all(FLERR, "pair_style tumble: keyword {} has no value: give one after it", arg[i]);
    set_keyword(arg[i], arg[i + 1]);
  }
  together([&] { check_settings(keywords); });
  // A repeated pair_style keeps this object: without its pair_coeff the old model would go on with the old keywords.
  engine.reset();
}

void PairTumble::set_keyword(const std::string &name, const char *value) {
  const auto positive = [&] {
    const bigint number = utils::bnumeric(FLERR, value, false, lmp);
    if (number < 1) error->all(FLERR, "pair_style tumble: {} is {}: give a whole number from 1", name, value);
    return static_cast<size_t>(number);
  };
  if (name == "rotate") {
    keywords.rotate = value;
  } else if (name == "inversion") {
    keywords.inversion = utils::logical(FLERR, value, false, lmp) != 0;
  } else if (name == "seed") {
    const bigint seed = utils::bnumeric(FLERR, value, false, lmp);
    if (seed < 0) error->all(FLERR, "pair_style tumble: seed is {}: give a whole number from 0", value);
    keywords.seed = static_cast<uint64_t>(seed);
  } else if (name == "threads") {
    keywords.threads = positive();
  } else if (name == "memory") {
    keywords.memory_mb = positive();
  } else if (name == "forces") {
    keywords.forces = value;
  } else if (name == "device") {
    keywords.device = value;
  } else {
    error->all(FLERR,
               "pair_style tumble: unknown keyword {}: expected rotate, inversion, seed, threads, memory, forces or "
               "device",
               name);
  }
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
    engine.emplace(load_engine(arg[2], keywords));
    species_of_type.assign(1, 0);
    for (int i = 3; i < narg; i++) species_of_type.push_back((*engine)->species(arg[i]));
  });
  for (int i = 1; i <= atom->ntypes; i++)
    for (int j = 1; j <= atom->ntypes; j++) setflag[i][j] = 1;
  if (comm->me == 0) utils::logmesg(lmp, "pair_style tumble: {}\n", (*engine)->summary().c_str());
}

void PairTumble::init_style() {
  check_setup();
  energy_scale = energy_unit();
  const int hops = static_cast<int>((*engine)->hops());
  neighbor->add_request(this, hops > 1 ? ROWS_OF_GHOSTS_TOO : ROWS_OF_OWN_ATOMS);
  // Ghosts are needed as far as an own atom's energy sees; without this line results are silently a little wrong.
  comm->cutghostuser = std::max(comm->cutghostuser, hops * (*engine)->cutoff() + neighbor->skin);
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
  if (comm->mode != Comm::SINGLE) {
    error->all(FLERR, "pair_style tumble needs one ghost cutoff for all types: write comm_modify mode single");
  }
  if (force->pair_match("^hybrid", 0)) {
    error->all(FLERR, "pair_style tumble cannot be part of a hybrid pair style yet: use it alone");
  }
  if (neighbor->nex_type > 0 || neighbor->nex_group > 0 || neighbor->nex_mol > 0) {
    error->all(FLERR, "pair_style tumble must see all neighbors: remove neigh_modify exclude");
  }
  const double *lj = force->special_lj, *coul = force->special_coul;
  for (int k = 1; k <= 3 && atom->molecular != Atom::ATOMIC; k++) {
    // LAMMPS leaves bonded pairs out of the list where both factors are zero.
    if (lj[k] == 0.0 && coul[k] == 0.0) {
      error->all(FLERR, "pair_style tumble must see bonded pairs too: write special_bonds lj/coul 1 1 1");
    }
  }
}

double PairTumble::energy_unit() const {
  const std::string style = update->unit_style;
  if (style != "metal" && style != "real") {
    error->all(FLERR, "pair_style tumble does not know units {}: use units metal or units real", style);
  }
  return style == "real" ? utils::get_conversion_factor(utils::ENERGY, utils::METAL2REAL) : 1.0;
}

double PairTumble::init_one(int, int) { return (*engine)->cutoff(); }

void PairTumble::compute(int eflag, int vflag) {
  ev_init(eflag, vflag);
  if (vflag_atom) {
    error->all(FLERR, "pair_style tumble has no per-atom virial yet: remove compute stress/atom and the like");
  }
  together([&] {
    gather_species();
    gather_rows();
    (*engine)->evaluate(rank_data(), static_cast<uint64_t>(update->ntimestep), result);
  });
  scatter(result);
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

void PairTumble::gather_species() {
  const int nall = atom->nlocal + atom->nghost;
  species.resize(nall);
  for (int i = 0; i < nall; i++) species[i] = species_of_type[atom->type[i]];
}

void PairTumble::gather_rows() {
  if (list->inum != atom->nlocal) {
    throw std::runtime_error("the neighbor list does not hold all atoms: use this pair style for all atom types");
  }
  const int rows = list->inum + list->gnum;
  row_atoms.assign(list->ilist, list->ilist + rows);
  row_starts.assign(1, 0);
  candidates.clear();
  for (const int i : row_atoms) {
    const int *row = list->firstneigh[i];
    for (int k = 0; k < list->numneigh[i]; k++) candidates.push_back(row[k] & NEIGHMASK);
    row_starts.push_back(candidates.size());
  }
}

RankData PairTumble::rank_data() {
  const size_t nall = static_cast<size_t>(atom->nlocal) + atom->nghost;
  const bool whole = comm->nprocs == 1 && domain->xperiodic && domain->yperiodic && domain->zperiodic;
  const double *positions = nall > 0 ? atom->x[0] : nullptr;
  const auto slice = [](const auto *data, size_t size) {
    return rust::Slice<const std::decay_t<decltype(*data)>>(data, size);
  };
  return {static_cast<size_t>(atom->nlocal),
          slice(positions, 3 * nall),
          slice(atom->tag, nall),
          slice(species.data(), nall),
          slice(row_atoms.data(), row_atoms.size()),
          slice(row_starts.data(), row_starts.size()),
          slice(candidates.data(), candidates.size()),
          whole ? domain->xprd * domain->yprd * domain->zprd : 0.0};
}

void PairTumble::scatter(const RankResult &result) {
  double **f = atom->f;
  for (size_t node = 0; node < result.atoms.size(); node++)
    for (int k = 0; k < 3; k++) f[result.atoms[node]][k] += energy_scale * result.forces[3 * node + k];
  if (eflag_global) eng_vdwl += energy_scale * result.energy;
  if (eflag_atom)
    for (int i = 0; i < atom->nlocal; i++) eatom[i] += energy_scale * result.atomic_energies[i];
  if (!vflag_global) return;
  if (!result.has_virial) warn_of_missing_virial();
  // LAMMPS asks for the virial at every output, wanted or not; a pressure that is not a number cannot mislead.
  for (int k = 0; k < 6; k++) virial[k] += result.has_virial ? energy_scale * result.virial[k] : NAN;
}

void PairTumble::warn_of_missing_virial() {
  if (warned_of_virial) return;
  warned_of_virial = true;
  if (comm->me == 0) {
    error->warning(FLERR,
                   "pair_style tumble: direct forces come without a virial here, so the pressure is nan: use forces "
                   "conservative, or one MPI rank, a periodic box and a model that gives stress");
  }
}

double PairTumble::memory_usage() {
  const size_t ints = row_atoms.capacity() + candidates.capacity();
  return Pair::memory_usage() + static_cast<double>(ints * sizeof(int) + row_starts.capacity() * sizeof(size_t) +
                                                    species.capacity() + result.forces.size() * sizeof(double));
}

}  // namespace tumble
