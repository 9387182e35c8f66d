// What differs between the versions of LAMMPS, asked of its headers feature by feature: a version number would not tell
// of development snapshots and distributions' patches.

#ifndef TUMBLE_LAMMPS_FEATURES_H
#define TUMBLE_LAMMPS_FEATURES_H

#include <type_traits>

#include "neighbor.h"

namespace tumble {

// `neighbor multi/old` ended in autumn 2025.
template <class N, class = void>
struct MultiOld {
  static bool is(int) { return false; }
};
template <class N>
struct MultiOld<N, std::void_t<decltype(N::MULTI_OLD)>> {
  static bool is(int style) { return style == N::MULTI_OLD; }
};

// Returns whether the neighbor list has bins of several sizes.
inline bool has_multi_bins(const LAMMPS_NS::Neighbor *neighbor) {
  using LAMMPS_NS::Neighbor;
  return neighbor->style == Neighbor::MULTI || MultiOld<Neighbor>::is(neighbor->style);
}

}  // namespace tumble

#endif
