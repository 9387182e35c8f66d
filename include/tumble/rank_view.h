// A rank's atoms and neighbor list in the form of the core. A pure adaptor: it reads LAMMPS and changes nothing.

#ifndef TUMBLE_RANK_VIEW_H
#define TUMBLE_RANK_VIEW_H

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pointers.h"
#include "rust/cxx.h"
#include "tumble-lammps/src/bridge.rs.h"

namespace LAMMPS_NS {
class NeighList;
}

namespace tumble {

class RankExchange;

class RankView : protected LAMMPS_NS::Pointers {
 public:
  explicit RankView(LAMMPS_NS::LAMMPS *lmp) : Pointers(lmp) {}

  // species_of_type: [ntypes + 1], atomic numbers.
  void gather(const LAMMPS_NS::NeighList *list, const std::vector<uint8_t> &species_of_type);
  // masses: [nlocal], LAMMPS' unit; max_tag: largest tag on any rank; ranks: null unless ranks exchange messages.
  RankData data(const std::vector<double> &masses, size_t max_tag, const RankExchange *ranks) const;
  double bytes() const;

 private:
  void gather_rows(const LAMMPS_NS::NeighList *list);
  double whole_volume() const;

  // Reused between steps, to avoid allocations.
  std::vector<uint8_t> species;    // [nlocal + nghost]
  std::vector<int64_t> tags;       // [nlocal + nghost], 8 bytes with any LAMMPS_SIZES
  std::vector<int> row_atoms;      // [rows]
  std::vector<size_t> row_starts;  // [rows + 1]
  std::vector<int> candidates;     // [row_starts.back()]
};

}  // namespace tumble

#endif
