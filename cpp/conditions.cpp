#include "tumble/conditions.h"

#include <cmath>
#include <cstring>

#include "error.h"
#include "input.h"
#include "modify.h"
#include "update.h"
#include "utils.h"
#include "variable.h"

using namespace LAMMPS_NS;

namespace tumble {

namespace {

struct Keyword {
  const char *name;
  int first, count;  // place in Numbers
};

constexpr Keyword KEYWORDS[] = {{"charge", 0, 1}, {"spin", 1, 1}, {"field", 2, 3}};

const Keyword *find(const char *name) {
  for (const Keyword &keyword : KEYWORDS)
    if (std::strcmp(keyword.name, name) == 0) return &keyword;
  return nullptr;
}

bool is_variable(const std::string &word) { return word.compare(0, 2, "v_") == 0; }

}  // namespace

int Conditions::count(const char *keyword) {
  const Keyword *found = find(keyword);
  return found ? found->count : 0;
}

void Conditions::take(const char *keyword, char **values) {
  const Keyword &found = *find(keyword);
  for (int i = 0; i < found.count; i++) {
    const std::string word = values[i];
    if (!is_variable(word) && !(utils::is_double(word) && std::isfinite(std::stod(word)))) {
      error->all(FLERR, "pair_style tumble: {} is \"{}\": give {}number or v_name", keyword, word,
                 found.count == 1 ? "a " : "three values, each a ");
    }
    words[found.first + i] = word;
  }
}

void Conditions::check() {
  for (const std::string &word : words)
    if (is_variable(word)) variable(word);
}

int Conditions::variable(const std::string &word) const {
  const std::string name = word.substr(2);
  const int found = input->variable->find(name.c_str());
  if (found < 0) {
    error->all(FLERR, "pair_style tumble: there is no variable {0}: define it, as in variable {0} equal 1", name);
  }
  if (!input->variable->equalstyle(found)) {
    error->all(FLERR, "pair_style tumble: variable {0} has no single value: define it as variable {0} equal ...", name);
  }
  return found;
}

Conditions::Numbers Conditions::numbers() {
  Numbers found;
  bool varies = false;
  for (const std::string &word : words) varies = varies || is_variable(word);
  if (varies) modify->clearstep_compute();
  for (size_t i = 0; i < words.size(); i++) {
    if (words[i].empty())
      found[i] = NAN;
    else if (is_variable(words[i]))
      found[i] = input->variable->compute_equal(variable(words[i]));
    else
      found[i] = std::stod(words[i]);
  }
  if (varies) modify->addstep_compute(update->ntimestep + 1);
  return found;
}

std::string Conditions::text() const {
  std::string all;
  for (const std::string &word : words) all += word + " ";
  return all;
}

}  // namespace tumble
