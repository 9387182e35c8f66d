#include "tumble/fix_step.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "comm.h"
#include "error.h"
#include "input.h"
#include "modify.h"
#include "neighbor.h"
#include "update.h"
#include "utils.h"

using namespace LAMMPS_NS;

namespace tumble {

namespace {

// Repeated single points at one step get indices 2^40 apart, beyond the length of any run.
constexpr int POINT_BITS = 40;

// LAMMPS of 2024 has no public access to the running command.
struct Running : Input {
  static const char *command_of(Input *input) { return input->*&Running::command; }
};

bool is_rerun(const LAMMPS *lmp) {
  const char *command = Running::command_of(lmp->input);
  return command && std::strcmp(command, "rerun") == 0;
}

Fix *create(LAMMPS *lmp, int narg, char **arg) { return new FixStep(lmp, narg, arg); }

}  // namespace

// `clear` removes all registered fix styles, so the style is registered each time.
void FixStep::add(LAMMPS *lmp, bigint every, FixStep **owner) {
  Modify *modify = lmp->modify;
  (*modify->fix_map)[STYLE] = &create;
  const size_t number = modify->get_fix_by_style(STYLE).size() + 1;
  // The number distinguishes the substyles of pair_style hybrid, in restart files too.
  const std::string id = "TUMBLE_STEP_" + std::to_string(number);
  *owner = dynamic_cast<FixStep *>(modify->add_fix(id + " all " + STYLE + " " + std::to_string(every)));
  (*owner)->owner = owner;
}

FixStep::FixStep(LAMMPS *lmp, int narg, char **arg) : Fix(lmp, narg, arg) {
  if (narg != 4) error->all(FLERR, "fix {} belongs to pair_style tumble and cannot be used by itself", STYLE);
  every = utils::bnumeric(FLERR, arg[3], false, lmp);
  restart_global = 1;
}

// Also called by `unfix`.
FixStep::~FixStep() {
  if (owner) *owner = nullptr;
}

int FixStep::setmask() {
  using namespace FixConst;
  return INITIAL_INTEGRATE | INITIAL_INTEGRATE_RESPA | POST_NEIGHBOR | PRE_FORCE | PRE_FORCE_RESPA;
}

bool FixStep::is_single_point() const {
  // A rerun does not change nsteps: it keeps the value of the previous run.
  return update->whichflag != 1 || update->nsteps == 0 || is_rerun(lmp);
}

void FixStep::setup_pre_force(int) { start(); }

void FixStep::setup_pre_force_respa(int, int level) {
  outermost = std::max(outermost, level);
  if (level == 0) start();
}

void FixStep::start() {
  call = Call::READY;
  if (is_single_point()) {
    points = update->ntimestep == point_step ? points + 1 : 0;
    point_step = update->ntimestep;
    return;
  }
  if (!aligned)
    offset = 0;
  else if (update->ntimestep != last_step)
    shift(last_step);
  aligned = true;
  last_step = update->ntimestep;
  point_step = -1;
  points = 0;
}

// Corrects the offset after a jump of the step number.
void FixStep::shift(bigint expected) {
  offset += expected - update->ntimestep;
  log_offset();
}

void FixStep::log_offset() {
  if (comm->me != 0 || every == 1 || offset % every == 0) return;
  utils::logmesg(lmp,
                 "pair_style tumble: the step number was reset between two outer steps; every {} continues its count, "
                 "so the next outer step is {}\n",
                 every, update->ntimestep + (every - (update->ntimestep + offset) % every) % every);
}

void FixStep::initial_integrate(int) { count(); }

// The outermost level is integrated once per step.
void FixStep::initial_integrate_respa(int, int level, int) {
  if (level == outermost) count();
}

void FixStep::count() {
  if (every > 1 && !forces_ready) {
    error->all(
        FLERR,
        "pair_style tumble: every {} cannot continue from the forces of a run 0, a rerun or a minimizer, which lack "
        "the impulse of an outer step: remove pre no, or the evaluations between the parts of run N every",
        every);
  }
  if (aligned && last_step + 1 != update->ntimestep) shift(last_step + 1);
  last_step = update->ntimestep;
  neighbors_built = false;
  call = Call::PENDING;
}

void FixStep::post_neighbor() { neighbors_built = true; }

// Monte Carlo calls this too, but only after building its own neighbor list in the same step, and before the integrator
// builds one.
void FixStep::pre_force(int) {
  if (call == Call::PENDING && (neighbors_built || neighbor->lastcall != update->ntimestep)) call = Call::READY;
}

void FixStep::forget() {
  aligned = false;
  correction.fill(0.0);
}

bool FixStep::take_integrator_call() {
  const bool taken = call == Call::READY;
  if (taken) call = Call::NONE;
  return taken && !is_single_point();
}

uint64_t FixStep::index() const {
  // In a rerun the step number of a frame selects its rotations.
  if (is_rerun(lmp) || update->whichflag != 1) return static_cast<uint64_t>(update->ntimestep);
  return static_cast<uint64_t>(update->ntimestep + offset) + (static_cast<uint64_t>(points) << POINT_BITS);
}

void FixStep::write_restart(FILE *file) {
  std::array<double, 2 + std::tuple_size<Correction>::value> state{};
  state[0] = static_cast<double>(update->ntimestep + offset);
  state[1] = static_cast<double>(every);
  MPI_Reduce(correction.data(), state.data() + 2, static_cast<int>(correction.size()), MPI_DOUBLE, MPI_SUM, 0, world);
  if (comm->me != 0) return;
  const int bytes = static_cast<int>(sizeof(state));
  std::fwrite(&bytes, sizeof(int), 1, file);
  std::fwrite(state.data(), 1, sizeof(state), file);
}

void FixStep::restart(char *buffer) {
  std::array<double, 2 + std::tuple_size<Correction>::value> state{};
  std::memcpy(state.data(), buffer, sizeof(state));
  // A reset of the step number after reading the file does not change the count.
  offset = static_cast<bigint>(state[0]) - update->ntimestep;
  aligned = true;
  last_step = update->ntimestep;
  if (static_cast<bigint>(state[1]) != every) return;
  // LAMMPS sums the virial over the ranks, so rank 0 holds all of it.
  if (comm->me == 0) std::copy(state.begin() + 2, state.end(), correction.begin());
  correction[0] = state[2] > 0.0 ? 1.0 : 0.0;
}

}  // namespace tumble
