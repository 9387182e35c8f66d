// Diagnostics of a run: measures of broken symmetry, cost and uncertainty, summed over the ranks.

#ifndef TUMBLE_DIAGNOSTICS_H
#define TUMBLE_DIAGNOSTICS_H

#include <array>
#include <string>
#include <vector>

#include "lmptype.h"
#include "pointers.h"
#include "rust/cxx.h"
#include "tumble-lammps/src/bridge.rs.h"
#include "tumble/outputs.h"

namespace tumble {

class Diagnostics : protected LAMMPS_NS::Pointers {
 public:
  // Entries of the vector of compute pair, in this order.
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
    EXCHANGE_SECONDS,
    ENERGY_DEVIATION,
    FORCE_DEVIATION,
    ENTRIES
  };

  explicit Diagnostics(LAMMPS_NS::LAMMPS *lmp) : Pointers(lmp), shown(ENTRIES) { entries.fill(0.0); }

  void start_run(const Units &units, int every, bool random);
  // Returns the largest tag on any rank. Collective.
  size_t max_tag() const;
  // Returns the masses of the own atoms [nlocal].
  const std::vector<double> &masses();
  // To be called after each step; the seconds are the wall time of the pair style in it, and its part in messages
  // between ranks.
  void add_step(const Engine &engine, const RankResult &result, double seconds, double exchange);
  // Compares uncertainties [nlocal] with the threshold, both in LAMMPS' units. At the first step above it, a warning
  // names the worst atom of all ranks. Collective.
  void check_uncertainty(const std::vector<double> &uncertainties, double threshold);
  // Takes the deviations of a committee at this step: of the energy of all ranks, and of the forces on the own atoms
  // [nlocal], LAMMPS' units. Collective.
  void set_deviations(double energy, const std::vector<double> &forces);
  // Returns the entries of this rank, zeros except on rank 0, since compute pair sums them over the ranks.
  double *vector() { return shown.data(); }
  // Adds entries for a model's outputs, and returns the number of all.
  int add_entries(size_t outputs);
  // Updates the entries with sums over all ranks. Collective.
  void publish(const Outputs &outputs);
  void print_summary() const;

 private:
  void read(const Engine &engine, const RankResult &result);
  void set_noise(double noise_power);
  double mass(int i) const;
  double temperature() const;
  double volume() const;

  Units units{};
  int every = 1;
  std::array<double, ENTRIES> entries;
  std::vector<double> shown;  // never shrinks: a compute pair of an earlier model reads as many as that had
  double model_seconds = 0.0, pair_seconds = 0.0, exchange_seconds = 0.0;
  LAMMPS_NS::bigint steps = 0, evaluations = 0;
  double noise_sum = 0.0;  // sum of the measured noise powers
  int noise_count = 0;
  LAMMPS_NS::bigint uncertain_steps = 0;
  std::vector<double> own_masses;  // reused between steps
};

}  // namespace tumble

#endif
