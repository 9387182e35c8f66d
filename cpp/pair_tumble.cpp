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

PairTumble::PairTumble(LAMMPS *lmp)
    : Pair(lmp), conditions(lmp), view(lmp), ranks(lmp), outputs(lmp), diagnostics(lmp) {
  single_enable = 0;
  restartinfo = 0;
  one_coeff = 1;
  manybody_flag = 1;
  respa_enable = 0;
  comm_forward = 1;  // owners of ghosts
  comm_reverse = 3;  // forces of one model of a committee on ghosts
  // The virial is summed from the edges; without this LAMMPS would expect it from forces and report zero pressure.
  no_virial_fdotr_compute = 1;
  centroidstressflag = CENTROID_AVAIL;
  nextra = Diagnostics::ENTRIES;
  pvector = diagnostics.vector();
  // Without atoms, too, data() must not be null.
  spreads.reserve(1);
  uncertainties.reserve(1);
  deviations.reserve(1);
}

PairTumble::~PairTumble() {
  if (steps) modify->delete_fix(steps->id);
  if (!allocated) return;
  memory->destroy(setflag);
  memory->destroy(cutsq);
  memory->destroy(scales);
}

void PairTumble::init_style() {
  check_setup();
  check_neighbors();
  check_stepping();
  decide_exchange();
  request_neighbors();
  update_step_fix();
  diagnostics.start_run(units, static_cast<int>(keywords->every()), (*engine)->is_random());
  ready = true;
}

double PairTumble::init_one(int, int) { return (*engine)->cutoff(); }

void PairTumble::compute(int eflag, int vflag) {
  const double start = platform::walltime();
  ev_init(eflag, vflag);
  check_list();
  const StepRequest request = make_request();
  evaluate(request);
  energy_scale = scale * units.electron_volt;
  force_scale = energy_scale / units.angstrom;
  scatter();
  update_deviations(request.members);
  record_step(request.integrator);
  diagnostics.add_step(**engine, result, platform::walltime() - start, ranks.take_seconds());
  if (threshold > 0.0) diagnostics.check_uncertainty(uncertainties, threshold);
  if (eflag_global) diagnostics.publish(outputs);
}

void PairTumble::evaluate(const StepRequest &request) {
  const size_t max_tag = request.measure ? diagnostics.max_tag() : 0;
  if (exchanges) return evaluate_with_ranks(request, max_tag);
  run_collectively([&] {
    check_special();
    view.gather(list, species_of_type);
    (*engine)->evaluate(view.data(diagnostics.masses(), max_tag, nullptr), request, result);
  });
}

void PairTumble::evaluate_with_ranks(const StepRequest &request, size_t max_tag) {
  ranks.update(this);
  const auto data = [&] { return view.data(diagnostics.masses(), max_tag, &ranks); };
  run_collectively([&] {
    check_special();
    view.gather(list, species_of_type);
    (*engine)->begin(data(), request);
  });
  const bool complete = ranks.run(**engine);
  run_collectively([&] { (*engine)->finish(data(), request, result); });
  if (!complete) error->all(FLERR, "pair_style tumble: the ranks do not agree on the next message: please report it");
}

int PairTumble::pack_forward_comm(int n, int *atoms, double *buffer, int, int *) {
  return ranks.pack(n, atoms, buffer);
}

void PairTumble::unpack_forward_comm(int n, int first, double *buffer) { ranks.unpack(n, first, buffer); }

void PairTumble::run_collectively(const std::function<void()> &action) {
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
              "direct forces have no virial in this run, so the pressure is nan: use forces conservative, or one MPI "
              "rank, a periodic box and a model that gives stress");
  }
  // LAMMPS requests the virial at every output, needed or not; unlike 0, a pressure of nan cannot mislead.
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
        "centroid virials of a model with several hops place the energy of distant edges at their centers, so a heat "
        "flux computed from them is approximate");
  }
  spreads.resize(nlocal);
  uncertainties.resize(result.uncertainties.empty() ? 0 : nlocal);
  outputs.update(result);
  const double positive = std::abs(energy_scale);
  for (int i = 0; i < nlocal; i++) spreads[i] = positive * result.spreads[i];
  for (size_t i = 0; i < uncertainties.size(); i++) uncertainties[i] = positive * result.uncertainties[i];
}

void PairTumble::warn_once(bool &warned, const std::string &sentence) {
  if (!warned && comm->me == 0) error->warning(FLERR, "pair_style tumble: {}", sentence);
  warned = true;
}

void PairTumble::finish() { diagnostics.print_summary(); }

// For fix pair: standard deviations of the energy of each atom, over the rotations and over the ensemble, and the
// deviation of the force on it over a committee, and the model's outputs.
void *PairTumble::extract_peratom(const char *name, int &columns) {
  columns = 0;
  if (std::strcmp(name, "spread") == 0) return spreads.data();
  if (std::strcmp(name, "force_deviation") == 0) {
    if (engine && (*engine)->members() == 0) {
      error->all(FLERR,
                 "pair_style tumble: fix pair asks for the force deviation of a committee, but pair_coeff has one "
                 "model: name several models there, or remove the fix");
    }
    return deviations.data();
  }
  if (std::strcmp(name, "uncertainty") != 0) return output_of_atoms(name, columns);
  if (engine && !(*engine)->has_ensemble()) {
    error->all(FLERR,
               "pair_style tumble: fix pair asks for the uncertainty, but the model has no ensemble: remove the fix");
  }
  return uncertainties.data();
}

void *PairTumble::output_of_atoms(const char *name, int &columns) {
  void *values = outputs.per_atom(name, columns);
  if (engine && !values) {
    error->all(FLERR, "pair_style tumble: fix pair asks for {}, but the atoms have {}: take one of these", name,
               outputs.known());
  }
  return values;
}

double PairTumble::memory_usage() {
  const size_t doubles = result.forces.size() + spreads.capacity() + uncertainties.capacity() + deviations.capacity() +
                         member_forces.capacity() + result.member_forces.size();
  return Pair::memory_usage() + view.bytes() + static_cast<double>(doubles * sizeof(double));
}

}  // namespace tumble
