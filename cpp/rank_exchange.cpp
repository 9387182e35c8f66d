#include "tumble/rank_exchange.h"

#include <algorithm>

#include "atom.h"
#include "comm.h"
#include "neighbor.h"
#include "pair.h"
#include "platform.h"

using namespace LAMMPS_NS;

namespace tumble {

namespace {
// Unlike any tag of LAMMPS' own messages.
constexpr int TAG = 7305;
}  // namespace

void RankExchange::update(Pair *pair) {
  const size_t nall = static_cast<size_t>(atom->nlocal) + atom->nghost;
  // Ghosts change with the neighbor list only.
  int current = neighbor->ago > 0 && owners.size() == nall;
  MPI_Allreduce(MPI_IN_PLACE, &current, 1, MPI_INT, MPI_MIN, world);
  if (current) return;
  owners.assign(nall, comm->me);
  comm->forward_comm(pair);
  find_partners();
}

int RankExchange::pack(int n, const int *atoms, double *buffer) const {
  for (int k = 0; k < n; k++) buffer[k] = owners[atoms[k]];
  return n;
}

void RankExchange::unpack(int n, int first, const double *buffer) {
  for (int k = 0; k < n; k++) owners[first + k] = static_cast<int>(buffer[k]);
}

// A rank with ghosts of another is its partner, and the other way round, even if the other has no ghosts of its own.
void RankExchange::find_partners() {
  std::vector<char> needed(comm->nprocs, 0), wanted(comm->nprocs, 0);
  for (const int owner : owners) needed[owner] = 1;
  MPI_Alltoall(needed.data(), 1, MPI_CHAR, wanted.data(), 1, MPI_CHAR, world);
  partners.clear();
  std::vector<int> number(comm->nprocs, -1);
  for (int rank = 0; rank < comm->nprocs; rank++) {
    if (rank == comm->me || (!needed[rank] && !wanted[rank])) continue;
    number[rank] = static_cast<int>(partners.size());
    partners.push_back(rank);
  }
  partner_of.resize(owners.size());
  std::transform(owners.begin(), owners.end(), partner_of.begin(), [&](int owner) { return number[owner]; });
}

bool RankExchange::run(Engine &engine) {
  while (true) {
    const Communication next = engine.advance();
    const double start = platform::walltime();
    // A rank that has failed has ended early.
    int kinds[2] = {static_cast<int>(next), -static_cast<int>(next)};
    MPI_Allreduce(MPI_IN_PLACE, kinds, 2, MPI_INT, MPI_MAX, world);
    if (kinds[0] != -kinds[1]) {
      engine.abandon();
      return false;
    }
    if (next == Communication::Done) return true;
    if (next == Communication::Exchange) exchange(engine);
    if (next == Communication::Sum) reduce(engine, MPI_SUM);
    if (next == Communication::Least) reduce(engine, MPI_MIN);
    seconds += platform::walltime() - start;
  }
}

void RankExchange::exchange(Engine &engine) {
  constexpr size_t UNIT = sizeof(double);
  requests.resize(partners.size());
  for (size_t partner = 0; partner < partners.size(); partner++) {
    const rust::Slice<const uint8_t> message = engine.outgoing(partner);
    MPI_Isend(message.data(), static_cast<int>(message.size() / UNIT), MPI_DOUBLE, partners[partner], TAG, world,
              &requests[partner]);
  }
  for (size_t partner = 0; partner < partners.size(); partner++) {
    MPI_Status status;
    int units = 0;
    MPI_Probe(partners[partner], TAG, world, &status);
    MPI_Get_count(&status, MPI_DOUBLE, &units);
    rust::Slice<uint8_t> message = engine.incoming(partner, static_cast<size_t>(units) * UNIT);
    MPI_Recv(message.data(), units, MPI_DOUBLE, partners[partner], TAG, world, MPI_STATUS_IGNORE);
  }
  MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
}

void RankExchange::reduce(Engine &engine, MPI_Op operation) {
  rust::Slice<double> numbers = engine.numbers();
  MPI_Allreduce(MPI_IN_PLACE, numbers.data(), static_cast<int>(numbers.size()), MPI_DOUBLE, operation, world);
}

double RankExchange::take_seconds() {
  const double taken = seconds;
  seconds = 0.0;
  return taken;
}

}  // namespace tumble
