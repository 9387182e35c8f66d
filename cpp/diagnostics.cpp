#include "tumble/diagnostics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "error.h"
#include "force.h"
#include "update.h"
#include "utils.h"

using namespace LAMMPS_NS;

namespace tumble {

namespace {
constexpr double UNKNOWN = std::numeric_limits<double>::quiet_NaN();
}

void Diagnostics::start_run(const Units &run_units, int run_every, bool random) {
  units = run_units;
  every = run_every;
  entries.fill(UNKNOWN);
  if (!random) entries[HEATING] = 0.0;
  model_seconds = pair_seconds = exchange_seconds = noise_sum = 0.0;
  steps = evaluations = uncertain_steps = 0;
  noise_count = 0;
}

size_t Diagnostics::max_tag() const {
  const tagint *own = atom->tag;
  tagint largest = atom->nlocal > 0 ? *std::max_element(own, own + atom->nlocal) : 0;
  MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_LMP_TAGINT, MPI_MAX, world);
  return static_cast<size_t>(largest);
}

void Diagnostics::add_step(const Engine &engine, const RankResult &result, double seconds, double exchange) {
  model_seconds += result.model_seconds;
  pair_seconds += seconds;
  exchange_seconds += exchange;
  steps++;
  evaluations += static_cast<bigint>(result.evaluations);
  if (!result.shares.empty()) read(engine, result);
}

void Diagnostics::read(const Engine &engine, const RankResult &result) {
  std::vector<double> shares(result.shares.begin(), result.shares.end());
  MPI_Allreduce(MPI_IN_PLACE, shares.data(), static_cast<int>(shares.size()), MPI_DOUBLE, MPI_SUM, world);
  const SymmetryMeasures m = engine.diagnose({shares.data(), shares.size()});
  // Without a measurement at this step an entry keeps its last value.
  if (!std::isnan(m.energy_spread)) entries[ENERGY_SPREAD] = m.energy_spread * units.electron_volt;
  if (!std::isnan(m.force_spread)) entries[FORCE_SPREAD] = m.force_spread * units.electron_volt / units.angstrom;
  entries[TORQUE] = m.torque * units.electron_volt;
  // The torque is twice the axial vector of the virial's antisymmetric part.
  entries[ANTISYMMETRIC_VIRIAL] = 0.5 * entries[TORQUE] / volume() * force->nktv2p;
  if (!std::isnan(m.noise_power)) set_noise(m.noise_power);
}

// An independent random force error at each step, of variance s² for the vector, adds the kinetic energy s² dt²/2m per
// atom and step. With an impulse of M steps at every M-th step it adds M s² dt²/2m per step.
void Diagnostics::set_noise(double noise_power) {
  noise_sum += noise_power * std::pow(units.electron_volt / units.angstrom * force->ftm2v, 2);
  noise_count++;
  const double noise = every * noise_sum / noise_count;
  const double power = 0.5 * noise * update->dt * force->mvv2e;  // per atom
  const double heating = power / (1.5 * force->boltz);
  entries[HEATING] = heating * 1000.0 * force->femtosecond;  // K per time unit -> K/ps
  // Friction with damping time t removes 2K/t of the kinetic energy K per unit of time.
  entries[FRICTION_TIME] = 2.0 * temperature() / heating;
}

double Diagnostics::mass(int i) const { return atom->rmass ? atom->rmass[i] : atom->mass[atom->type[i]]; }

const std::vector<double> &Diagnostics::masses() {
  own_masses.resize(atom->nlocal);
  for (int i = 0; i < atom->nlocal; i++) own_masses[i] = mass(i);
  return own_masses;
}

double Diagnostics::temperature() const {
  double sums[2] = {0.0, static_cast<double>(atom->nlocal)};
  for (int i = 0; i < atom->nlocal; i++) {
    const double *v = atom->v[i];
    sums[0] += mass(i) * (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
  }
  MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_DOUBLE, MPI_SUM, world);
  return sums[0] * force->mvv2e / (3.0 * sums[1] * force->boltz);
}

double Diagnostics::volume() const { return domain->xprd * domain->yprd * domain->zprd; }

void Diagnostics::check_uncertainty(const std::vector<double> &uncertainties, double threshold) {
  struct {
    double value;
    int rank;
  } largest{-1.0, comm->me};
  tagint tag = 0;
  for (size_t i = 0; i < uncertainties.size(); i++) {
    if (uncertainties[i] <= largest.value) continue;
    largest.value = uncertainties[i];
    tag = atom->tag[i];
  }
  MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_DOUBLE_INT, MPI_MAXLOC, world);
  MPI_Bcast(&tag, 1, MPI_LMP_TAGINT, largest.rank, world);
  if (largest.value <= threshold) return;
  if (uncertain_steps++ > 0 || comm->me != 0) return;
  error->warning(
      FLERR,
      "pair_style tumble: at step {} the ensemble disagrees by {:.4g} on the energy of atom {}, more than the "
      "allowed uncertainty of {:.4g}: the structure may be unlike the training data, so check it before you continue "
      "(one warning per run)",
      update->ntimestep, largest.value, tag, threshold);
}

int Diagnostics::add_entries(size_t outputs) {
  shown.resize(std::max(shown.size(), ENTRIES + outputs));
  return static_cast<int>(ENTRIES + outputs);
}

void Diagnostics::set_deviations(double energy, const std::vector<double> &forces) {
  entries[ENERGY_DEVIATION] = energy;
  double largest = forces.empty() ? 0.0 : *std::max_element(forces.begin(), forces.end());
  MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_DOUBLE, MPI_MAX, world);
  entries[FORCE_DEVIATION] = largest;
}

void Diagnostics::publish(const Outputs &outputs) {
  double seconds[3] = {model_seconds, pair_seconds, exchange_seconds};
  MPI_Allreduce(MPI_IN_PLACE, seconds, 3, MPI_DOUBLE, MPI_MAX, world);
  entries[EVALUATIONS] = static_cast<double>(evaluations);
  entries[MODEL_SECONDS] = seconds[0];
  entries[PAIR_SECONDS] = seconds[1];
  entries[EXCHANGE_SECONDS] = seconds[2];
  std::fill(shown.begin(), shown.end(), 0.0);
  outputs.sum(shown.data() + ENTRIES);
  if (comm->me == 0)
    std::copy(entries.begin(), entries.end(), shown.begin());
  else
    std::fill(shown.begin(), shown.end(), 0.0);
}

void Diagnostics::print_summary() const {
  if (comm->me != 0 || steps == 0) return;
  const double mean = static_cast<double>(evaluations) / static_cast<double>(steps);
  utils::logmesg(
      lmp,
      "pair_style tumble: {} evaluations in {} force calls ({:.2f} each), {:.4g} s in the model and {:.4g} s "
      "outside of it on rank 0\n",
      evaluations, steps, mean, model_seconds, pair_seconds - model_seconds);
  const auto line = [&](Entry entry, const char *what) {
    if (!std::isnan(entries[entry])) utils::logmesg(lmp, "  {:<24} {:.6g}\n", what, entries[entry]);
  };
  if (exchange_seconds > 0.0)
    utils::logmesg(lmp, "  {:<24} {:.4g} s, waiting included\n", "messages between ranks", exchange_seconds);
  line(ENERGY_SPREAD, "energy spread");
  line(FORCE_SPREAD, "force spread");
  line(TORQUE, "torque");
  if (noise_count > 0) line(HEATING, "heating by noise, K/ps");
  line(FRICTION_TIME, "balanced by damp");
  line(ENERGY_DEVIATION, "energy deviation");
  line(FORCE_DEVIATION, "largest force deviation");
  if (uncertain_steps > 0) utils::logmesg(lmp, "  {:<24} {}\n", "uncertain force calls", uncertain_steps);
}

}  // namespace tumble
