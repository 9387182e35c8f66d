// Charge, spin and electric field of the structure, each a number or an equal-style variable.

#ifndef TUMBLE_CONDITIONS_H
#define TUMBLE_CONDITIONS_H

#include <array>
#include <string>
#include <vector>

#include "pointers.h"

namespace tumble {

class Conditions : protected LAMMPS_NS::Pointers {
 public:
  using Numbers = std::array<double, 5>;  // charge, spin, field in LAMMPS' unit; NaN: not given

  explicit Conditions(LAMMPS_NS::LAMMPS *lmp) : Pointers(lmp) {}

  // Returns the number of values of a keyword; 0 if it is no condition.
  static int count(const char *keyword);
  // Takes the values of a keyword.
  void take(const char *keyword, char **values);
  void clear() { words = {}; }
  // Refuses variables that do not exist or have another style.
  void check();
  // Returns the values as written; empty if not given.
  const std::array<std::string, 5> &given() const { return words; }
  // Returns the numbers of this step. Collective.
  Numbers numbers();
  // Returns the values as written, for a comparison of ranks.
  std::string text() const;

 private:
  int variable(const std::string &word) const;

  std::array<std::string, 5> words;  // a number, v_name, or empty
};

}  // namespace tumble

#endif
