#include "tumble/outputs.h"

#include <algorithm>

#include "utils.h"

namespace tumble {

void Outputs::start(const Engine &engine) {
  atoms.clear();
  structures.clear();
  size_t components = 0;
  for (const ModelOutput &output : engine.outputs()) {
    const std::string name(output.name), unit(output.unit);
    if (output.per_atom) {
      // Without atoms, too, data() must not be null.
      atoms.push_back({name, unit, output.components, {}, {}});
      atoms.back().values.reserve(1);
      atoms.back().rows.reserve(1);
    } else {
      structures.push_back({name, unit, output.components});
      components += output.components;
    }
  }
  structure.assign(components, 0.0);
}

void Outputs::update(const RankResult &result) {
  std::copy(result.structure_outputs.begin(), result.structure_outputs.end(), structure.begin());
  size_t own = 0, start = 0;
  for (const OfAtoms &output : atoms) own += output.components;
  if (own > 0) own = result.atom_outputs.size() / own;
  for (OfAtoms &output : atoms) {
    const double *values = result.atom_outputs.data() + start;
    output.values.assign(values, values + own * output.components);
    output.rows.resize(own);
    for (size_t i = 0; i < own; i++) output.rows[i] = output.values.data() + i * output.components;
    start += own * output.components;
  }
}

void Outputs::sum(double *entries) const {
  if (structure.empty()) return;
  MPI_Allreduce(structure.data(), entries, static_cast<int>(structure.size()), MPI_DOUBLE, MPI_SUM, world);
}

bool Outputs::has(const std::string &name) const {
  return std::any_of(atoms.begin(), atoms.end(), [&](const OfAtoms &output) { return output.name == name; });
}

std::string Outputs::known() const {
  std::string names = "spread, uncertainty (of an ensemble), force_deviation (of a committee)";
  for (const OfAtoms &output : atoms) names += ", " + output.name;
  return names;
}

void *Outputs::per_atom(const std::string &name, int &columns) {
  for (OfAtoms &output : atoms) {
    if (output.name != name) continue;
    given[name] = output.components;
    columns = output.components == 1 ? 0 : static_cast<int>(output.components);
    if (columns == 0) return output.values.data();
    return output.rows.data();
  }
  return nullptr;
}

std::string Outputs::changed() const {
  for (const auto &[name, components] : given) {
    const auto same = [&, &name = name, &components = components](const OfAtoms &output) {
      return output.name == name && output.components == components;
    };
    if (std::none_of(atoms.begin(), atoms.end(), same)) return name;
  }
  return "";
}

std::string Outputs::summary(size_t first) const {
  std::string text;
  const auto line = [&](const auto &output, const std::string &place) {
    const std::string unit = output.unit.empty() ? "" : ", " + output.unit;
    text += fmt::format("  output {}: {}{}\n", output.name, place, unit);
  };
  for (const OfStructure &output : structures) {
    const size_t last = first + output.components - 1;
    line(output, output.components == 1 ? fmt::format("entry {} of compute pair", first)
                                        : fmt::format("entries {} to {} of compute pair", first, last));
    first = last + 1;
  }
  for (const OfAtoms &output : atoms) line(output, fmt::format("fix pair, {} column(s)", output.components));
  return text;
}

}  // namespace tumble
