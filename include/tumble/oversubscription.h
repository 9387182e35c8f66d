// Threads of all ranks of a machine, against the processors that they may run on.

#ifndef TUMBLE_PROCESSORS_H
#define TUMBLE_PROCESSORS_H

namespace LAMMPS_NS {
class LAMMPS;
}

namespace tumble {

// Warns once, of the machine where it is worst. Collective; `threads` of this rank.
void warn_of_processors(LAMMPS_NS::LAMMPS *lmp, int threads);

}  // namespace tumble

#endif
