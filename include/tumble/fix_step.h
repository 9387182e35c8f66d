// The steps of the integrator, as an internal fix: LAMMPS tells a fix, but no pair style, where in a step it is.
//
// Pair styles are asked for forces by the integrator, once a step, and by others: Monte Carlo, finite differences,
// perturbations. With multiple time stepping only the integrator may get impulses. Its number of steps also chooses the
// random rotations; `reset_timestep` does not change it, and restart files keep it.

#ifndef TUMBLE_FIX_STEP_H
#define TUMBLE_FIX_STEP_H

#include <array>
#include <cstdint>
#include <cstdio>

#include "fix.h"

namespace tumble {

class FixStep : public LAMMPS_NS::Fix {
 public:
  static constexpr const char *STYLE = "tumble/step";
  // Of a rank: 1 and xx, yy, zz, xy, xz, yz, eV; or all zero, if there is none.
  using Correction = std::array<double, 7>;

  // Adds the fix to LAMMPS. `every` M steps, the outer ones. `owner` is empty again when the fix is gone.
  static void add(LAMMPS_NS::LAMMPS *lmp, LAMMPS_NS::bigint every, FixStep **owner);

  FixStep(LAMMPS_NS::LAMMPS *lmp, int narg, char **arg);
  ~FixStep() override;

  int setmask() override;
  void setup_pre_force(int vflag) override;
  void setup_pre_force_respa(int vflag, int level) override;
  void initial_integrate(int vflag) override;
  void initial_integrate_respa(int vflag, int level, int loop) override;
  void post_neighbor() override;
  void pre_force(int vflag) override;
  void write_restart(FILE *file) override;
  void restart(char *buffer) override;

  // Whether LAMMPS evaluates a structure for its own sake: `run 0`, `rerun`, or no run at all.
  bool is_single_point() const;
  // True once a step, for the call of the integrator.
  bool take_integrator_call();
  // Chooses random rotations and outer steps. A `run 0` after another one at the same step gets another number.
  uint64_t index() const;
  // After an evaluation: whether its forces are those that the integrator goes on with.
  void set_forces_ready(bool ready) { forces_ready = ready; }
  // Another structure: outer steps are the multiples of M again, and no correction is held.
  void forget();

  LAMMPS_NS::bigint every;
  FixStep **owner = nullptr;  // the pair style's pointer to it
  Correction correction{};    // held between outer steps

 private:
  enum class Call { NONE, PENDING, READY };  // of the integrator in this step

  void start();
  void count();
  void shift(LAMMPS_NS::bigint expected);
  void tell_offset();

  LAMMPS_NS::bigint offset = 0;                   // steps of the integrator minus time step number
  LAMMPS_NS::bigint last_step = -1;               // time step number when last counted
  LAMMPS_NS::bigint point_step = -1, points = 0;  // step of the last single point, and those before it there
  int outermost = 0;                              // level of run_style respa
  bool aligned = false;                           // whether the offset is known
  bool forces_ready = false;
  bool neighbors_built = false;  // by the integrator, in this step
  Call call = Call::NONE;
};

}  // namespace tumble

#endif
