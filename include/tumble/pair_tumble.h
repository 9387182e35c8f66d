// pair_style tumble: LAMMPS' lifecycle of a pair style around the Rust core.

#ifndef TUMBLE_PAIR_TUMBLE_H
#define TUMBLE_PAIR_TUMBLE_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pair.h"
#include "rust/cxx.h"
#include "tumble/src/bridge.rs.h"

namespace tumble {

class PairTumble : public LAMMPS_NS::Pair {
 public:
  explicit PairTumble(LAMMPS_NS::LAMMPS *lmp);
  ~PairTumble() override;

  void settings(int narg, char **arg) override;
  void coeff(int narg, char **arg) override;
  void init_style() override;
  double init_one(int i, int j) override;
  void compute(int eflag, int vflag) override;
  double memory_usage() override;

 private:
  void allocate();
  void set_keyword(const std::string &name, const char *value);
  void check_setup();
  double energy_unit() const;

  // Runs an action on every rank; if it throws on one, all stop with the sentence of the first.
  void together(const std::function<void()> &action);

  void gather_species();
  void gather_rows();
  RankData rank_data();
  void scatter(const RankResult &result);
  void warn_of_missing_virial();

  PairSettings keywords;
  std::optional<rust::Box<Engine>> engine;
  double energy_scale = 1.0;  // eV in LAMMPS' unit of energy
  bool warned_of_virial = false;

  std::vector<uint8_t> species_of_type;  // [ntypes + 1], atomic numbers
  // What the core is shown of this rank's atoms; kept to spare the allocations.
  std::vector<uint8_t> species;    // [nlocal + nghost]
  std::vector<int> row_atoms;      // [rows]
  std::vector<size_t> row_starts;  // [rows + 1]
  std::vector<int> candidates;     // [row_starts.back()]
  RankResult result;
};

}  // namespace tumble

#endif
