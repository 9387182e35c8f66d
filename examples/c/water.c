/* The energy of a water molecule, turned about x and averaged over rotations, and its spread over them.

       cc -I include examples/c/water.c -L target/release -ltumble -lm -o water
       export LD_LIBRARY_PATH=target/release
       ./water examples/models/water-pet.onnx "rotate: octahedral, inversion: yes"

   Prints a line per angle: angle (degrees), energy (eV), spread over the rotations (eV), largest force (eV/Å).
   Without options the model is bare: the energy changes with the angle, and the spread is NaN. */

#include <math.h>
#include <stdio.h>

#include "tumble.h"

static const int SPECIES[3] = {8, 1, 1};
static const double WATER[9] = {0, 0, 0, 0.96, 0, 0, -0.24, 0.93, 0};

static void turn_about_x(double angle, double *positions) {
  for (int atom = 0; atom < 3; ++atom) {
    const double *from = WATER + 3 * atom;
    double *to = positions + 3 * atom;
    to[0] = from[0];
    to[1] = cos(angle) * from[1] - sin(angle) * from[2];
    to[2] = sin(angle) * from[1] + cos(angle) * from[2];
  }
}

static double largest(const double *forces) {
  double most = 0;
  for (int i = 0; i < 9; ++i) most = fmax(most, fabs(forces[i]));
  return most;
}

static int show(tumble_model *model, double degrees) {
  double positions[9], forces[9], energy, spread;
  turn_about_x(degrees * acos(-1.0) / 180.0, positions);
  // NULL for the cell: a molecule in vacuum. NULL for the virial: not needed.
  if (tumble_compute(model, 3, SPECIES, NULL, positions, &energy, forces, NULL)) return -1;
  if (tumble_spread(model, &spread, NULL)) return -1;
  printf("%6.1f %16.8f %12.8f %12.8f\n", degrees, energy, spread, largest(forces));
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 2) return fprintf(stderr, "usage: water MODEL [OPTIONS]\n"), 2;
  tumble_model *model = tumble_load(argv[1], argc > 2 ? argv[2] : NULL);
  int failed = !model;
  for (int degrees = 0; degrees <= 90 && !failed; degrees += 30) failed = show(model, degrees);
  if (failed) fprintf(stderr, "error: %s\n", tumble_error());
  tumble_free(model);
  return failed ? 1 : 0;
}
