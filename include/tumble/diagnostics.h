// What a run tells of itself: measures of broken symmetry, cost and uncertainty, summed over the ranks.

#ifndef TUMBLE_DIAGNOSTICS_H
#define TUMBLE_DIAGNOSTICS_H

#include <array>
#include <string>
#include <vector>

#include "lmptype.h"
#include "pointers.h"
#include "rust/cxx.h"
#include "tumble-lammps/src/bridge.rs.h"

namespace tumble {

class Diagnostics : protected LAMMPS_NS::Pointers {
 public:
  // The vector of compute pair, in this order.
  enum Entry {
    ENERGY_SPREAD,
    FORCE_SPREAD,
    TORQUE,
    ANTISYMMETRIC_VIRIAL,
    HEATING,
    FRICTION_TIME,
    EVALUATIONS,
    MODEL_SECONDS,
    PAIR_SECONDS,
    ENTRIES
  };

  explicit Diagnostics(LAMMPS_NS::LAMMPS *lmp) : Pointers(lmp) { entries.fill(0.0); }

  void start_run(const Units &units, int every, bool random);
  // Largest tag on any rank.
  size_t max_tag() const;
  // [nlocal]
  const std::vector<double> &masses();
  // After each step; `seconds` is the time that the pair style has taken for it.
  void add_step(const Engine &engine, const RankResult &result, double seconds);
  // [nlocal] uncertainties and threshold in LAMMPS' units. The first time that an atom on any rank is above it, a
  // warning names the worst one.
  void check_uncertainty(const std::vector<double> &uncertainties, double threshold);
  // Entries of this rank: compute pair adds them up, so all but rank 0 have zeros.
  double *vector() { return shown.data(); }
  // Refreshes the entries that need all ranks.
  void publish();
  void print_summary() const;

 private:
  void read(const Engine &engine, const RankResult &result);
  void set_noise(double noise_power);
  double mass(int i) const;
  double temperature() const;
  double volume() const;

  Units units{};
  int every = 1;
  std::array<double, ENTRIES> entries, shown{};
  double model_seconds = 0.0, pair_seconds = 0.0;
  LAMMPS_NS::bigint steps = 0, evaluations = 0;
  double noise_sum = 0.0;  // of the noise powers measured
  int noise_count = 0;
  LAMMPS_NS::bigint uncertain_steps = 0;
  std::vector<double> own_masses;  // kept to spare the allocation
};

}  // namespace tumble

#endif
