#include "tumble/rank_view.h"

#include <stdexcept>

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "neigh_list.h"
#include "tumble/rank_exchange.h"

using namespace LAMMPS_NS;

namespace tumble {

void RankView::gather(const NeighList *list, const std::vector<uint8_t> &species_of_type) {
  const int nall = atom->nlocal + atom->nghost;
  species.resize(nall);
  for (int i = 0; i < nall; i++) species[i] = species_of_type[atom->type[i]];
  tags.assign(atom->tag, atom->tag + nall);
  gather_rows(list);
}

void RankView::gather_rows(const NeighList *list) {
  if (list->inum != atom->nlocal) throw std::runtime_error("the neighbor list does not hold all atoms of this rank");
  const int rows = list->inum + list->gnum;
  row_atoms.assign(list->ilist, list->ilist + rows);
  row_starts.assign(1, 0);
  candidates.clear();
  for (const int i : row_atoms) {
    const int *row = list->firstneigh[i];
    for (int k = 0; k < list->numneigh[i]; k++) candidates.push_back(row[k] & NEIGHMASK);
    row_starts.push_back(candidates.size());
  }
}

// Returns the volume for the stress of a direct-force model; 0 unless this rank holds the whole periodic cell.
double RankView::whole_volume() const {
  const bool whole =
      comm->nprocs == 1 && domain->dimension == 3 && domain->xperiodic && domain->yperiodic && domain->zperiodic;
  return whole ? domain->xprd * domain->yprd * domain->zprd : 0.0;
}

RankData RankView::data(const std::vector<double> &masses, size_t max_tag, const RankExchange *ranks) const {
  const size_t nall = species.size();
  const double *positions = nall > 0 ? atom->x[0] : nullptr;
  const auto slice = [](const auto *values, size_t size) {
    return rust::Slice<const std::decay_t<decltype(*values)>>(values, size);
  };
  return {static_cast<size_t>(atom->nlocal),
          slice(positions, 3 * nall),
          slice(tags.data(), nall),
          slice(species.data(), nall),
          slice(row_atoms.data(), row_atoms.size()),
          slice(row_starts.data(), row_starts.size()),
          slice(candidates.data(), candidates.size()),
          whole_volume(),
          slice(&domain->rotate_r2g[0][0], domain->triclinic_general ? 9 : 0),
          slice(masses.data(), masses.size()),
          max_tag,
          ranks ? slice(ranks->partner_of_atoms().data(), nall) : slice(static_cast<const int *>(nullptr), 0),
          ranks ? ranks->n_partners() : 0};
}

double RankView::bytes() const {
  const size_t ints = row_atoms.capacity() + candidates.capacity();
  return static_cast<double>(ints * sizeof(int) + row_starts.capacity() * sizeof(size_t) + species.capacity() +
                             tags.capacity() * sizeof(int64_t));
}

}  // namespace tumble
