// The keywords of pair_style tumble.

#include <cstring>

#include "error.h"
#include "tumble/pair_tumble.h"
#include "utils.h"

using namespace LAMMPS_NS;

namespace tumble {

namespace {

bigint whole(const char *name, const char *value, uint64_t least, LAMMPS *lmp) {
  const bigint number = utils::bnumeric(FLERR, value, false, lmp);
  if (number < static_cast<bigint>(least)) {
    lmp->error->all(FLERR, "pair_style tumble: {} is {}: give a whole number from {}", name, value, least);
  }
  return number;
}

double energy(const char *name, const char *value, LAMMPS *lmp) {
  const double number = utils::numeric(FLERR, value, false, lmp);
  if (!(number > 0.0)) lmp->error->all(FLERR, "pair_style tumble: {} is {}: give an energy above 0", name, value);
  return number;
}

}  // namespace

// pair_style tumble keyword value ...
void PairTumble::settings(int narg, char **arg) {
  monitor = 0;
  threshold = 0.0;
  ready = false;
  rust::Vec<rust::String> words;
  for (int i = 0; i < narg; i += 2) {
    KeywordValue expected{};
    run_collectively([&] { expected = keyword_value(arg[i]); });
    if (i + 1 == narg) error->all(FLERR, "pair_style tumble: keyword {} has no value: give one after it", arg[i]);
    take_keyword(arg[i], arg[i + 1], expected, words);
  }
  run_collectively([&] { keywords = read_keywords(words); });
  // A repeated pair_style reuses this object: without a new pair_coeff the old model would keep the old keywords.
  engine.reset();
}

// LAMMPS parses numbers and booleans, as elsewhere in its input. monitor and uncertainty stay here; other keywords go
// to Rust.
void PairTumble::take_keyword(const char *name, const char *value, const KeywordValue &expected,
                              rust::Vec<rust::String> &words) {
  std::string text = value;
  if (expected.kind == ValueKind::Switch) text = utils::logical(FLERR, value, false, lmp) ? "yes" : "no";
  if (expected.kind == ValueKind::Whole) text = std::to_string(whole(name, value, expected.least, lmp));
  if (std::strcmp(name, "monitor") == 0) {
    monitor = std::stoll(text);
  } else if (std::strcmp(name, "uncertainty") == 0) {
    threshold = energy(name, value, lmp);
  } else {
    words.push_back(name);
    words.push_back(text);
  }
}

}  // namespace tumble
