// pair_style tumble: the LAMMPS pair style around the Rust core.

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
#include "tumble/conditions.h"
#include "tumble/diagnostics.h"
#include "tumble/fix_step.h"
#include "tumble/outputs.h"
#include "tumble/rank_exchange.h"
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
  int pack_forward_comm(int n, int *atoms, double *buffer, int pbc_flag, int *pbc) override;
  void unpack_forward_comm(int n, int first, double *buffer) override;
  int pack_reverse_comm(int n, int first, double *buffer) override;
  void unpack_reverse_comm(int n, int *atoms, double *buffer) override;

 private:
  void allocate();
  void take_keyword(const char *name, char **values, rust::Vec<rust::String> &words);
  void check_coefficients(int narg, char **arg, int first, int hash);
  void check_columns();
  void compare_ranks();

  void check_setup();
  void warn_of_masses();
  std::vector<double> masses_of_types() const;
  void log_axes();
  void check_neighbors();
  void check_stepping();
  void decide_exchange();
  void request_neighbors();
  void warn_of_random_minimizer();
  void log_partition_seeds();
  void update_step_fix();

  void check_list();
  void check_exclusions();
  void check_ghosts();
  void check_reach();
  void check_hybrid();
  void check_special() const;
  void check_scale();

  // Runs an action on every rank; if it throws on any, all ranks stop with the error of the lowest one. Collective.
  void run_collectively(const std::function<void()> &action);

  void evaluate(const StepRequest &request);
  void evaluate_with_ranks(const StepRequest &request, size_t max_tag);
  StepRequest make_request();
  void record_step(bool integrator);
  void scatter();
  void scatter_global();
  void scatter_per_atom();
  void *output_of_atoms(const char *name, int &columns);
  void update_deviations(bool measured);
  void measure_deviations();
  void sum_member_forces(size_t member);
  double member_energy_deviation() const;
  void warn_once(bool &warned, const std::string &sentence);

  rust::Box<Keywords> keywords = read_keywords({});
  LAMMPS_NS::bigint monitor = 0;  // steps between measurements of spread and noise; 0: never
  Conditions conditions;
  double threshold = 0.0;  // keyword uncertainty, LAMMPS' unit of energy; 0: none
  std::optional<rust::Box<Engine>> engine;
  FixStep *steps = nullptr;  // owned by LAMMPS; null unless results depend on the step
  Units units{};
  double energy_scale = 1.0, force_scale = 1.0;  // eV and eV/Å in LAMMPS' units, times `scale`
  double scale = 1.0;                            // common factor of all pairs of types
  double **scales = nullptr;                     // [ntypes + 1][ntypes + 1], set by fix adapt and compute fep
  bool exchanges = false;                        // whether ranks exchange messages between layers
  bool ready = false;                            // whether LAMMPS is set up for the current model and keywords
  double reach = 0.0;                            // required ghost cutoff, LAMMPS' unit of length
  int per_atom_wanted = 0;                       // set by fix pair before a step
  bool warned_of_virial = false, warned_of_flux = false, warned_of_minimizer = false;
  bool logged_partitions = false, logged_axes = false;
  std::string last_mass_warning;  // the last warning
  std::string last_exchange_note;

  std::vector<uint8_t> species_of_type;  // [ntypes + 1], atomic numbers
  RankView view;
  RankExchange ranks;
  RankResult result;
  std::vector<double> spreads, uncertainties;  // [nlocal], LAMMPS' unit of energy
  Outputs outputs;
  std::vector<double> deviations;     // of the force over a committee [nlocal], LAMMPS' unit; NaN if unknown
  std::vector<double> member_forces;  // of one model of a committee [nlocal + nghost][3], eV/Å
  Diagnostics diagnostics;
};

}  // namespace tumble

#endif
