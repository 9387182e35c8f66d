// Disagreement between the models of a committee: the forces of each are summed over ghosts, then compared.

#include <algorithm>
#include <cmath>
#include <vector>

#include "atom.h"
#include "comm.h"
#include "tumble/pair_tumble.h"

using namespace LAMMPS_NS;

namespace tumble {

// Fix pair may ask for the deviations of a step at which they were not computed, with other atoms on this rank.
void PairTumble::update_deviations(bool measured) {
  if ((*engine)->members() == 0) return;
  deviations.assign(atom->nlocal, NAN);
  if (measured) measure_deviations();
}

// Measures the deviations of energy and forces. Collective.
void PairTumble::measure_deviations() {
  const size_t members = (*engine)->members();
  const size_t own = 3 * static_cast<size_t>(atom->nlocal);
  std::vector<double> forces;
  forces.reserve(members * own);
  for (size_t member = 0; member < members; member++) {
    sum_member_forces(member);
    forces.insert(forces.end(), member_forces.begin(), member_forces.begin() + static_cast<std::ptrdiff_t>(own));
  }
  const rust::Vec<double> found = tumble::force_deviations({forces.data(), forces.size()}, members);
  deviations.assign(found.begin(), found.end());
  for (double &deviation : deviations) deviation *= std::abs(force_scale);
  diagnostics.set_deviations(std::abs(energy_scale) * member_energy_deviation(), deviations);
}

// Sets `member_forces` to the forces of a model on this rank's atoms and ghosts, those on ghosts added to their atoms.
// One model at a time, so that pair_style hybrid, which asks for the size of messages first, knows it.
void PairTumble::sum_member_forces(size_t member) {
  const size_t nodes = result.atoms.size();
  member_forces.assign(3 * static_cast<size_t>(atom->nlocal + atom->nghost), 0.0);
  for (size_t node = 0; node < nodes; node++)
    for (size_t k = 0; k < 3; k++)
      member_forces[3 * result.atoms[node] + k] += result.member_forces[3 * (member * nodes + node) + k];
  comm->reverse_comm(this);
}

// Returns the standard deviation of the energy of all ranks over the models, eV. Collective.
double PairTumble::member_energy_deviation() const {
  std::vector<double> energies(result.member_energies.begin(), result.member_energies.end());
  MPI_Allreduce(MPI_IN_PLACE, energies.data(), static_cast<int>(energies.size()), MPI_DOUBLE, MPI_SUM, world);
  return energy_deviation({energies.data(), energies.size()});
}

int PairTumble::pack_reverse_comm(int n, int first, double *buffer) {
  std::copy_n(member_forces.data() + 3 * static_cast<size_t>(first), 3 * static_cast<size_t>(n), buffer);
  return 3 * n;
}

void PairTumble::unpack_reverse_comm(int n, int *atoms, double *buffer) {
  for (int i = 0; i < n; i++)
    for (int k = 0; k < 3; k++) member_forces[3 * static_cast<size_t>(atoms[i]) + k] += buffer[3 * i + k];
}

}  // namespace tumble
