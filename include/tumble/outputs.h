// The model's outputs besides energy and forces, as a dipole or charges.

#ifndef TUMBLE_OUTPUTS_H
#define TUMBLE_OUTPUTS_H

#include <map>
#include <string>
#include <vector>

#include "pointers.h"
#include "rust/cxx.h"
#include "tumble-lammps/src/bridge.rs.h"

namespace tumble {

class Outputs : protected LAMMPS_NS::Pointers {
 public:
  explicit Outputs(LAMMPS_NS::LAMMPS *lmp) : Pointers(lmp) {}

  // Takes the outputs of a model.
  void start(const Engine &engine);
  // Takes the values of a step.
  void update(const RankResult &result);
  // Returns the number of components of the outputs of the structure.
  size_t entries() const { return structure.size(); }
  // Writes the outputs of the structure, summed over the ranks. Collective.
  void sum(double *entries) const;
  // Returns whether atoms have this output.
  bool has(const std::string &name) const;
  // Returns the names of all values of the atoms.
  std::string known() const;
  // Returns the values of an output of the own atoms, as `Pair::extract_peratom` does; null if there is none.
  void *per_atom(const std::string &name, int &columns);
  // Returns the first output of the atoms that was given to fix pair with other columns than it has now, or "".
  std::string changed() const;
  // Forgets what was given to fix pair.
  void forget() { given.clear(); }
  // Returns lines for the log: where the outputs are; `first` is the number of their first entry.
  std::string summary(size_t first) const;

 private:
  struct OfAtoms {
    std::string name, unit;
    size_t components;
    std::vector<double> values;  // [nlocal, components]
    std::vector<double *> rows;  // [nlocal]
  };
  struct OfStructure {
    std::string name, unit;
    size_t components;
  };

  std::vector<OfAtoms> atoms;
  std::map<std::string, size_t> given;  // components of each output that fix pair has taken
  std::vector<OfStructure> structures;
  std::vector<double> structure;  // this rank's shares
};

}  // namespace tumble

#endif
