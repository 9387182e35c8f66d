// Comparison of the threads of all ranks of a machine with the processors available to them.

#ifndef TUMBLE_OVERSUBSCRIPTION_H
#define TUMBLE_OVERSUBSCRIPTION_H

namespace LAMMPS_NS {
class LAMMPS;
}

namespace tumble {

// Warns about the machine with the most threads per processor, if above 1. Collective; `threads` are this rank's.
void warn_of_oversubscription(LAMMPS_NS::LAMMPS *lmp, int threads);

}  // namespace tumble

#endif
