// Step counter of the integrator, as an internal fix: LAMMPS calls fixes, but not pair styles, at each stage of a step.
//
// The integrator computes forces once per step; Monte Carlo, finite differences and perturbations call the pair style,
// too. With multiple time stepping only the integrator may get impulses. Its number of steps also selects the random
// rotations; `reset_timestep` does not change it, and restart files store it.

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
  // Held correction of the virial on a rank: 1 and xx, yy, zz, xy, xz, yz, eV; all zero if there is none.
  using Correction = std::array<double, 7>;

  // Adds the fix to LAMMPS, with outer steps every `every` steps. Deleting the fix resets `*owner` to null.
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

  // Returns whether LAMMPS evaluates a structure without integrating: `run 0`, `rerun`, or no run at all.
  bool is_single_point() const;
  // Returns true once per step, for the call by the integrator.
  bool take_integrator_call();
  // Returns the number that selects random rotations and outer steps. Each `run 0` at one step gets its own number.
  uint64_t index() const;
  // To be called after an evaluation: whether the integrator can continue from its forces.
  void set_forces_ready(bool ready) { forces_ready = ready; }
  // Starts anew for another structure: outer steps at multiples of M, and no held correction.
  void forget();

  LAMMPS_NS::bigint every;
  FixStep **owner = nullptr;  // the pair style's pointer to it
  Correction correction{};    // virial correction, held between outer steps

 private:
  enum class Call { NONE, PENDING, READY };  // state of the integrator's call in this step

  void start();
  void count();
  void shift(LAMMPS_NS::bigint expected);
  void log_offset();

  LAMMPS_NS::bigint offset = 0;                   // steps of the integrator minus time step number
  LAMMPS_NS::bigint last_step = -1;               // time step number at the last count
  LAMMPS_NS::bigint point_step = -1, points = 0;  // step of the last single point, and earlier ones at that step
  int outermost = 0;                              // outermost level of run_style respa
  bool aligned = false;                           // whether the offset is known
  bool forces_ready = false;
  bool neighbors_built = false;  // by the integrator, in this step
  Call call = Call::NONE;
};

}  // namespace tumble

#endif
