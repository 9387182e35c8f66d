// The keywords of pair_style tumble.

#include <algorithm>
#include <cstring>

#include "error.h"
#include "tumble/pair_tumble.h"
#include "utils.h"

using namespace LAMMPS_NS;

namespace tumble {

namespace {

// LAMMPS' own sentences about numbers do not name the keyword.
bigint interval(const char *value, LAMMPS *lmp) {
  const bigint steps = utils::is_integer(value) ? utils::bnumeric(FLERR, value, false, lmp) : -1;
  if (steps < 0) lmp->error->all(FLERR, "pair_style tumble: monitor is \"{}\": give a whole number from 0", value);
  return steps;
}

double energy(const char *value, LAMMPS *lmp) {
  const double number = utils::is_double(value) ? utils::numeric(FLERR, value, false, lmp) : 0.0;
  if (!(number > 0.0)) {
    lmp->error->all(FLERR, "pair_style tumble: uncertainty is \"{}\": give an energy above 0", value);
  }
  return number;
}

}  // namespace

// pair_style tumble keyword value ...
void PairTumble::settings(int narg, char **arg) {
  monitor = 0;
  threshold = 0.0;
  ready = false;
  rust::Vec<rust::String> words;
  conditions.clear();
  for (int i = 0; i < narg;) {
    run_collectively([&] { check_keyword(arg[i]); });
    const int values = std::max(Conditions::count(arg[i]), 1);
    if (i + values >= narg) {
      error->all(FLERR, "pair_style tumble: keyword {} has {}: give {} after it", arg[i],
                 values == 1 ? "no value" : "too few values", values == 1 ? "one" : "three");
    }
    take_keyword(arg[i], arg + i + 1, words);
    i += 1 + values;
  }
  run_collectively([&] { keywords = read_keywords(words); });
  // A repeated pair_style reuses this object: without a new pair_coeff the old model would keep the old keywords.
  engine.reset();
}

// monitor, uncertainty and conditions stay here; other keywords go to Rust, with the text of their values.
void PairTumble::take_keyword(const char *name, char **values, rust::Vec<rust::String> &words) {
  if (std::strcmp(name, "monitor") == 0) {
    monitor = interval(values[0], lmp);
  } else if (std::strcmp(name, "uncertainty") == 0) {
    threshold = energy(values[0], lmp);
  } else if (Conditions::count(name) > 0) {
    conditions.take(name, values);
  } else {
    words.push_back(name);
    words.push_back(values[0]);
  }
}

}  // namespace tumble
