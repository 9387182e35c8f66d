#include "tumble/oversubscription.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "comm.h"
#include "error.h"
#include "lammps.h"

using namespace LAMMPS_NS;

namespace tumble {

namespace {

using Processors = std::array<uint64_t, CPU_SETSIZE / 64>;

// The processors in this process's affinity mask; none if it cannot be read.
Processors allowed() {
  Processors bits{};
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof(mask), &mask) != 0) return bits;
  for (int k = 0; k < CPU_SETSIZE; k++)
    if (CPU_ISSET(k, &mask)) bits[k / 64] |= uint64_t(1) << (k % 64);
  return bits;
}

int count(const Processors &bits) {
  int sum = 0;
  for (const uint64_t word : bits) sum += __builtin_popcountll(word);
  return sum;
}

// Ranks and threads that share some processors.
struct Load {
  int ranks, threads, processors;
  double ratio() const { return processors > 0 ? static_cast<double>(threads) / processors : 0.0; }
};

// Sums the load of this machine. Collective.
Load machine(int threads, Processors bits, MPI_Comm world) {
  MPI_Comm node;
  MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
  int sums[2] = {1, threads};
  MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_INT, MPI_SUM, node);
  MPI_Allreduce(MPI_IN_PLACE, bits.data(), static_cast<int>(bits.size()), MPI_UINT64_T, MPI_BOR, node);
  MPI_Comm_free(&node);
  return {sums[0], sums[1], count(bits)};
}

}  // namespace

void warn_of_oversubscription(LAMMPS *lmp, int threads) {
  const Processors own = allowed();
  const Load alone{1, threads, count(own)};
  Load load = machine(threads, own, lmp->world);
  // A rank bound to fewer processors than its threads is slow even if other processors are idle.
  if (alone.ratio() > load.ratio()) load = alone;
  struct {
    double ratio;
    int rank;
  } worst{load.ratio(), lmp->comm->me};
  MPI_Allreduce(MPI_IN_PLACE, &worst, 1, MPI_DOUBLE_INT, MPI_MAXLOC, lmp->world);
  int numbers[3] = {load.ranks, load.threads, load.processors};
  MPI_Bcast(numbers, 3, MPI_INT, worst.rank, lmp->world);
  if (worst.ratio <= 1.0 || lmp->comm->me != 0) return;
  lmp->error->warning(FLERR,
                      "pair_style tumble: {} rank(s) of a machine have {} threads together, but may run on {} "
                      "processor(s) only, so the threads wait for each other: use fewer ranks or threads (keyword "
                      "threads), or let MPI bind the ranks to more processors",
                      numbers[0], numbers[1], numbers[2]);
}

}  // namespace tumble
