// Messages between the ranks that share a structure: which ranks are partners, and MPI's calls.

#ifndef TUMBLE_RANK_EXCHANGE_H
#define TUMBLE_RANK_EXCHANGE_H

#include <mpi.h>

#include <vector>

#include "pointers.h"
#include "rust/cxx.h"
#include "tumble-lammps/src/bridge.rs.h"

namespace LAMMPS_NS {
class Pair;
}

namespace tumble {

class RankExchange : protected LAMMPS_NS::Pointers {
 public:
  explicit RankExchange(LAMMPS_NS::LAMMPS *lmp) : Pointers(lmp) {}

  // Finds the owners of all ghosts with the forward communication of a pair style, and the partners. Collective.
  void update(LAMMPS_NS::Pair *pair);
  // For LAMMPS' forward communication of the owners of atoms.
  int pack(int n, const int *atoms, double *buffer) const;
  void unpack(int n, int first, const double *buffer);

  // Runs an evaluation that has begun, with all its communications. Returns false if a rank has failed. Collective.
  bool run(Engine &engine);

  // Partner of each atom, -1 for own atoms [nlocal + nghost].
  const std::vector<int> &partner_of_atoms() const { return partner_of; }
  size_t n_partners() const { return partners.size(); }
  // Returns the seconds spent in communication since the last call.
  double take_seconds();

 private:
  void find_partners();
  void exchange(Engine &engine);
  void reduce(Engine &engine, MPI_Op operation);

  std::vector<int> owners;      // rank of each atom [nlocal + nghost]
  std::vector<int> partner_of;  // [nlocal + nghost]
  std::vector<int> partners;    // ranks, ascending
  std::vector<MPI_Request> requests;
  double seconds = 0.0;
};

}  // namespace tumble

#endif
