// The keywords of pair_style tumble.

#include "error.h"
#include "tumble/pair_tumble.h"
#include "utils.h"

using namespace LAMMPS_NS;

namespace tumble {

namespace {

PairSettings default_keywords() {
  PairSettings keywords{};
  keywords.rotate = "none";
  keywords.threads = 1;
  keywords.memory_mb = 2048;  // as Settings::default()
  keywords.every = 1;
  keywords.device = "cpu";
  return keywords;
}

}  // namespace

// pair_style tumble keyword value ...
void PairTumble::settings(int narg, char **arg) {
  keywords = default_keywords();
  threshold = 0.0;
  ready = false;
  for (int i = 0; i < narg; i += 2) {
    run_collectively([&] { check_keyword(arg[i]); });
    if (i + 1 == narg) error->all(FLERR, "pair_style tumble: keyword {} has no value: give one after it", arg[i]);
    set_keyword(arg[i], arg[i + 1]);
  }
  run_collectively([&] { check_settings(keywords); });
  // A repeated pair_style keeps this object: without its pair_coeff the old model would go on with the old keywords.
  engine.reset();
}

void PairTumble::set_keyword(const std::string &name, const char *value) {
  const auto whole = [&](bigint least) {
    const bigint number = utils::bnumeric(FLERR, value, false, lmp);
    if (number < least) {
      error->all(FLERR, "pair_style tumble: {} is {}: give a whole number from {}", name, value, least);
    }
    return static_cast<uint64_t>(number);
  };
  const auto positive = [&] {
    const double number = utils::numeric(FLERR, value, false, lmp);
    if (!(number > 0.0)) error->all(FLERR, "pair_style tumble: {} is {}: give an energy above 0", name, value);
    return number;
  };
  const auto yes = [&] { return utils::logical(FLERR, value, false, lmp) != 0; };
  // clang-format off
  if (name == "rotate") keywords.rotate = value;
  else if (name == "inversion") keywords.inversion = yes();
  else if (name == "seed") keywords.seed = whole(0);
  else if (name == "every") keywords.every = whole(1);
  else if (name == "inner") keywords.inner = value;
  else if (name == "correction") keywords.correction = yes();
  else if (name == "monitor") keywords.monitor = whole(0);
  else if (name == "uncertainty") threshold = positive();
  else if (name == "forces") keywords.forces = value;
  else if (name == "threads") keywords.threads = whole(1);
  else if (name == "memory") keywords.memory_mb = whole(1);
  else if (name == "device") keywords.device = value;
  else if (name == "tf32") keywords.tf32 = yes();
  // clang-format on
}

}  // namespace tumble
