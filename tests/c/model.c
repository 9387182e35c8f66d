/* Prints the results of the calls checked by crates/tumble-capi/tests/c_model.rs. */

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tumble.h"

static const int SPECIES[3] = {8, 1, 1};
static const double POSITIONS[9] = {0, 0, 0, 1, 0, 0, 0, 2, -1};
static const double CELL[9] = {5, 0, 0, 1, 6, 0, 0, 0, 7};

static void say(const char *what) { printf("%s: \"%s\"\n", what, tumble_error()); }

static void row(const char *name, int count, const double *values) {
  printf("%s", name);
  for (int i = 0; i < count; ++i) printf(" %.17g", values[i]);
  printf("\n");
}

/* Whatever is not loaded stays NULL. */
static tumble_model *not_loaded(tumble_model *model, const char *what) {
  say(what);
  tumble_free(model);
  return NULL;
}

static int refused(const char *file) {
  const int nobody[3] = {8, 0, 1}, gold[3] = {8, 79, 1};
  const int nothing[3] = {8, 119, 1};
  const double flat[9] = {5, 0, 0, 5, 0, 0, 0, 0, 5}, together[9] = {0};
  const double broken[9] = {5, 0, 0, 0, NAN, 0, 0, 0, 5}, gone[9] = {0, 0, 0, 1, 0, 0, 0, INFINITY, -1};
  double energy = 7, values[9] = {0};
  not_loaded(tumble_load(NULL, NULL), "no file");
  not_loaded(tumble_load("/nonexistent.onnx", NULL), "no such file");
  not_loaded(tumble_load(file, "rotation: none"), "unknown key");
  not_loaded(tumble_load(file, "species: H3"), "species are no option");
  not_loaded(tumble_load(file, "seed: 1, seed: 2"), "twice");
  not_loaded(tumble_load(file, "stream: 65536"), "too large");
  not_loaded(tumble_load(file, "correction: yes"), "nothing to correct");
  not_loaded(tumble_load(file, "inversion: maybe"), "neither yes nor no");
  not_loaded(tumble_load(file, "rotate: cubic"), "unknown mitigation");
  not_loaded(tumble_load(file, "forces: direct"), "no such forces");
  not_loaded(tumble_load(file, "\xff"), "no text");
  tumble_model *model = tumble_load(file, NULL);
  if (!model) return say("load"), 1;
  if (tumble_spread(model, &energy, NULL) != -1) return 1;
  say("nothing evaluated");
  if (tumble_compute(model, 0, SPECIES, CELL, POSITIONS, &energy, NULL, NULL) != -1) return 1;
  say("no atoms");
  if (tumble_compute(model, 3, NULL, CELL, POSITIONS, &energy, NULL, NULL) != -1) return 1;
  say("no species");
  if (tumble_compute(model, 3, nobody, CELL, POSITIONS, &energy, NULL, NULL) != -1) return 1;
  say("no element");
  if (tumble_compute(model, 3, nothing, CELL, POSITIONS, &energy, NULL, NULL) != -1) return 1;
  say("beyond the last");
  if (tumble_compute(model, 3, gold, CELL, POSITIONS, &energy, NULL, NULL) != -1) return 1;
  say("gold");
  if (tumble_compute(model, 3, SPECIES, CELL, NULL, &energy, NULL, NULL) != -1) return 1;
  say("no positions");
  if (tumble_compute(model, 3, SPECIES, flat, POSITIONS, &energy, NULL, NULL) != -1) return 1;
  say("flat");
  if (tumble_compute(model, 3, SPECIES, broken, POSITIONS, &energy, NULL, NULL) != -1) return 1;
  say("broken");
  if (tumble_compute(model, 3, SPECIES, CELL, gone, &energy, NULL, NULL) != -1) return 1;
  say("gone");
  if (tumble_compute(model, 3, SPECIES, NULL, together, &energy, NULL, NULL) != -1) return 1;
  say("in one place");
  printf("energy %g\n", energy);
  if (tumble_compute(model, 3, SPECIES, CELL, POSITIONS, NULL, NULL, NULL)) return say("compute"), 1;
  say("usable again");
  if (tumble_per_atom(model, 2, values, NULL, NULL) != -1) return 1;
  say("too few");
  if (tumble_set_step(model, -1) != -1) return 1;
  say("before the first step");
  if (tumble_set_step(NULL, 1) != -1) return 1;
  say("no model to step");
  if (tumble_compute(NULL, 3, SPECIES, CELL, POSITIONS, &energy, NULL, NULL) != -1) return 1;
  say("no model");
  if (tumble_cutoff(NULL) != -1 || tumble_knows(NULL, 8) != -1) return 1;
  if (strcmp(tumble_name(NULL), "") || strcmp(tumble_about(NULL), "") || strcmp(tumble_details(NULL), "")) return 1;
  say("still none");
  tumble_free(model);
  tumble_free(NULL);
  say("freed");
  return 0;
}

static int facts(const char *file) {
  tumble_model *model = tumble_load(file, "rotate: octahedral+random, inversion: yes, threads: 2");
  if (!model) return say("load"), 1;
  printf("%s\n%g\n", tumble_name(model), tumble_cutoff(model));
  printf("%d %d %d\n", tumble_knows(model, 8), tumble_knows(model, 6), tumble_knows(model, -1));
  printf("%s\n", tumble_about(model));
  tumble_free(model);
  return 0;
}

/* One structure and its results in rows, at two steps. */
static int computed(const char *file, const char *options) {
  double energy, spreads[2], forces[9], virial[9], energies[3], energy_spreads[3], force_spreads[9];
  tumble_model *model = tumble_load(file, options);
  if (!model) return say("load"), 1;
  if (strcmp(tumble_details(model), "")) return 1;
  for (int step = 0; step < 2; ++step) {
    if (tumble_compute(model, 3, SPECIES, CELL, POSITIONS, &energy, forces, virial)) return say("compute"), 1;
    if (tumble_spread(model, spreads, spreads + 1)) return say("spread"), 1;
    if (tumble_per_atom(model, 3, energies, energy_spreads, force_spreads)) return say("per atom"), 1;
    row("energy", 1, &energy);
    row("forces", 9, forces);
    row("virial", 9, virial);
    row("spreads", 2, spreads);
    row("energies", 3, energies);
    row("energy_spreads", 3, energy_spreads);
    row("force_spreads", 9, force_spreads);
    printf("details %s\n", tumble_details(model));
  }
  tumble_free(model);
  return 0;
}

/* Means and deviations of two models, and what is refused. */
static int committee(const char *file, const char *other) {
  const char *files[2] = {file, other}, *same[2] = {file, file}, *missing[2] = {file, NULL};
  double energy, forces[9], deviations[3];
  not_loaded(tumble_load_committee(0, files, NULL), "none");
  not_loaded(tumble_load_committee(2, NULL, NULL), "no files");
  not_loaded(tumble_load_committee(2, missing, NULL), "no second file");
  not_loaded(tumble_load_committee(2, same, NULL), "twice");
  for (int count = 1; count <= 2; ++count) {
    tumble_model *model = tumble_load_committee(count, files, "rotate: octahedral");
    if (!model) return say("load"), 1;
    if (tumble_force_deviations(model, 3, deviations) != -1) return 1;
    if (tumble_compute(model, 3, SPECIES, CELL, POSITIONS, &energy, forces, NULL)) return say("compute"), 1;
    if (tumble_force_deviations(model, 2, deviations) != -1) return 1;
    say("too few");
    if (tumble_force_deviations(model, 3, deviations)) return say("deviations"), 1;
    row("energy", 1, &energy);
    row("forces", 9, forces);
    row("deviations", 3, deviations);
    printf("details %s\n", tumble_details(model));
    tumble_free(model);
  }
  return 0;
}

/* The same step again is the same rotation. */
static int stepped(const char *file) {
  double energies[4];
  tumble_model *model = tumble_load(file, "rotate: random, seed: 3");
  if (!model) return say("load"), 1;
  for (int i = 0; i < 4; ++i) {
    if (i == 2 && tumble_set_step(model, 0)) return say("step"), 1;
    if (tumble_compute(model, 3, SPECIES, CELL, POSITIONS, energies + i, NULL, NULL)) return say("compute"), 1;
  }
  tumble_free(model);
  row("energies", 4, energies);
  return 0;
}

/* Beads of a step share its number: each has a stream of its own, or all have one rotation. */
static int beaded(const char *file) {
  double energies[8];
  tumble_model *model = tumble_load(file, "rotate: random, seed: 3, step: 5");
  if (!model) return say("load"), 1;
  for (int shared = 0; shared < 2; ++shared) {
    if (tumble_set_step(model, 5) || tumble_set_beads(model, 2, shared)) return say("beads"), 1;
    for (int i = 0; i < 4; ++i)
      if (tumble_compute(model, 3, SPECIES, CELL, POSITIONS, energies + i, NULL, NULL)) return say("compute"), 1;
    row("energies", 4, energies);
  }
  if (tumble_set_step(model, 6)) return say("step"), 1;
  if (tumble_compute(model, 3, SPECIES, CELL, POSITIONS, energies, NULL, NULL)) return say("compute"), 1;
  row("again", 1, energies);
  printf("extras %s\n", tumble_ipi_extras(model));
  if (!tumble_set_beads(model, 0, 0) || !tumble_set_beads(model, 65536, 0)) return 1;
  say("refused");
  tumble_free(model);
  return 0;
}

struct work {
  tumble_model *model;
  double shift, energy, spread, first;
  int failed;
};

/* Evaluates a structure of its own many times; results of other threads must never show. */
static void *evaluations(void *argument) {
  struct work *work = argument;
  double positions[9], energy, spread, energies[3];
  memcpy(positions, POSITIONS, sizeof positions);
  positions[3] += work->shift;
  work->failed = tumble_spread(work->model, &spread, NULL) != -1;
  for (int i = 0; i < 50; ++i) {
    if (tumble_compute(work->model, 3, SPECIES, CELL, positions, &energy, NULL, NULL)) work->failed = 1;
    if (tumble_spread(work->model, &spread, NULL)) work->failed = 1;
    if (tumble_per_atom(work->model, 3, energies, NULL, NULL)) work->failed = 1;
    if (energy != work->energy || spread != work->spread || energies[0] != work->first) work->failed = 1;
  }
  return NULL;
}

static int shared(const char *file) {
  enum { THREADS = 8 };
  struct work works[THREADS];
  pthread_t threads[THREADS];
  int failed = 0;
  tumble_model *model = tumble_load(file, "rotate: octahedral");
  if (!model) return say("load"), 1;
  for (int t = 0; t < THREADS; ++t) {
    double positions[9], energies[3];
    works[t] = (struct work){model, 0.02 * t, 0, 0, 0, 0};
    memcpy(positions, POSITIONS, sizeof positions);
    positions[3] += works[t].shift;
    if (tumble_compute(model, 3, SPECIES, CELL, positions, &works[t].energy, NULL, NULL)) return say("compute"), 1;
    if (tumble_spread(model, &works[t].spread, NULL) || tumble_per_atom(model, 3, energies, NULL, NULL)) return 1;
    works[t].first = energies[0];
  }
  for (int t = 0; t < THREADS; ++t) pthread_create(threads + t, NULL, evaluations, works + t);
  for (int t = 0; t < THREADS; ++t) pthread_join(threads[t], NULL);
  for (int t = 0; t < THREADS; ++t) failed += works[t].failed;
  tumble_free(model);
  printf("failed %d\ndifferent %d\n", failed, works[0].energy != works[1].energy);
  return 0;
}

static int questions;

/* At the second question, a fifth of a second after the evaluation has begun. */
static int enough(void) { return ++questions == 2; }

static int ended(const char *file) {
  double energy = 1, before;
  int status;
  tumble_model *model = tumble_load(file, "rotate: random:50000");
  if (!model || tumble_watch(model, enough)) return say("load"), 1;
  status = tumble_compute(model, 3, SPECIES, CELL, POSITIONS, &energy, NULL, NULL);
  printf("status %d\nquestions %d\nenergy %g\n%s\n", status, questions, energy, tumble_error());
  tumble_free(model);
  model = tumble_load(file, NULL);
  if (!model || tumble_compute(model, 3, SPECIES, CELL, POSITIONS, &before, NULL, NULL)) return say("compute"), 1;
  if (tumble_watch(model, enough) || tumble_watch(model, NULL)) return say("watch"), 1;
  status = tumble_compute(model, 3, SPECIES, CELL, POSITIONS, &energy, NULL, NULL);
  printf("status %d\nsame %d\nmodel %d\n", status, energy == before, tumble_watch(NULL, enough));
  tumble_free(model);
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  if (!strcmp(argv[1], "committee")) return committee(argv[2], argv[3]);
  if (!strcmp(argv[1], "ended")) return ended(argv[2]);
  if (!strcmp(argv[1], "refused")) return refused(argv[2]);
  if (!strcmp(argv[1], "facts")) return facts(argv[2]);
  if (!strcmp(argv[1], "stepped")) return stepped(argv[2]);
  if (!strcmp(argv[1], "beaded")) return beaded(argv[2]);
  if (!strcmp(argv[1], "shared")) return shared(argv[2]);
  return computed(argv[2], argv[3]);
}
