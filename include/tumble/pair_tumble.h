// pair_style tumble: LAMMPS' lifecycle of a pair style around the Rust core.

#ifndef TUMBLE_PAIR_TUMBLE_H
#define TUMBLE_PAIR_TUMBLE_H

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pair.h"
#include "rust/cxx.h"
#include "tumble-lammps/src/bridge.rs.h"
#include "tumble/diagnostics.h"
#include "tumble/fix_step.h"
#include "tumble/rank_view.h"

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
  void finish() override;
  void *extract(const char *name, int &dimensions) override;
  void *extract_peratom(const char *name, int &columns) override;
  double memory_usage() override;

 private:
  void allocate();
  void take_keyword(const char *name, const char *value, const KeywordValue &expected, rust::Vec<rust::String> &words);
  void check_coefficients(int narg, char **arg, int first);
  void compare_ranks();

  void check_setup();
  void warn_of_masses();
  std::vector<double> masses_of_types() const;
  void tell_axes();
  void check_neighbors();
  void check_stepping();
  void request_neighbors();
  void warn_of_random_minimizer();
  void tell_partitions();
  void follow_steps();

  void check_list();
  void check_exclusions();
  void check_ghosts();
  void check_reach();
  void check_hybrid();
  void check_special() const;
  void check_scale();

  // Runs an action on every rank; if it throws on one, all stop with the sentence of the first.
  void together(const std::function<void()> &action);

  Ask ask();
  void note_step(bool integrator);
  void scatter();
  void scatter_global();
  void scatter_per_atom();
  void warn_once(bool &warned, const std::string &sentence);

  rust::Box<Keywords> keywords = read_keywords({});
  LAMMPS_NS::bigint monitor = 0;  // every how many steps spread and noise are measured; 0: never
  double threshold = 0.0;         // of the uncertainty, LAMMPS' unit of energy; 0: none
  std::optional<rust::Box<Engine>> engine;
  FixStep *steps = nullptr;  // of LAMMPS, where results depend on the step
  Units units{};
  double energy_scale = 1.0, force_scale = 1.0;  // eV and eV/Å in LAMMPS' units, times `scale`
  double scale = 1.0;                            // of all pairs of types
  double **scales = nullptr;                     // [ntypes + 1][ntypes + 1], of fix adapt and compute fep
  bool ready = false;                            // whether LAMMPS is set up for the model and keywords given
  double reach = 0.0;                            // so far must ghosts go, LAMMPS' unit of length
  int per_atom_wanted = 0;                       // set by fix pair before a step
  bool warned_of_virial = false, warned_of_flux = false, warned_of_minimizer = false;
  bool told_partitions = false, told_axes = false;
  std::string told_of_masses;  // the last warning

  std::vector<uint8_t> species_of_type;  // [ntypes + 1], atomic numbers
  RankView view;
  RankResult result;
  std::vector<double> spreads, uncertainties;  // [nlocal], LAMMPS' unit of energy
  Diagnostics diagnostics;
};

}  // namespace tumble

#endif
