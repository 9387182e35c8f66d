/* Prints the results of the calls checked by crates/tumble-capi/tests/c_client.rs. */

#include <stdio.h>
#include <string.h>

#include "../../include/tumble.h"

static const int SPECIES[3] = {8, 1, 1};
static const double POSITIONS[9] = {0, 0, 0, 1, 0, 0, 0, 2, -1};

static void say(const char *what) { printf("%s: \"%s\"\n", what, tumble_error()); }

static int refused(const char *address) {
  const int none[1] = {-3};
  tumble_client *client = tumble_open(NULL, 3, SPECIES, NULL);
  say("no address");
  client = client ? client : tumble_open(address, 0, SPECIES, NULL);
  say("no atoms");
  client = client ? client : tumble_open(address, 3, NULL, NULL);
  say("no species");
  client = client ? client : tumble_open(address, 1, none, NULL);
  say("negative species");
  client = client ? client : tumble_open("nowhere", 3, SPECIES, NULL);
  say("no such address");
  client = client ? client : tumble_open(address, 3, SPECIES, "\xff");
  say("no text");
  client = client ? client : tumble_open(address, 3, SPECIES, "species: H3");
  say("species twice");
  client = client ? client : tumble_open(address, 3, SPECIES, "batch_size: 4");
  say("batches");
  client = client ? client : tumble_open(address, 3, SPECIES, "seed: 1, seed: 2");
  say("twice");
  if (tumble_evaluate(NULL, NULL, POSITIONS, NULL, NULL, NULL) != -1) return 1;
  say("no client");
  if (strcmp(tumble_extras(NULL), "") != 0) return 1;
  say("no client for extras");
  tumble_close(NULL);
  say("nothing closed");
  return client != NULL;
}

static int evaluated(const char *address) {
  const double cell[9] = {2, 0, 0, 1, 4, 0, 0, 0, 5};
  double energy = 0, forces[9] = {0}, virial[9] = {0};
  tumble_client *client = tumble_open(address, 3, SPECIES, " rotate: octahedral, seed: 1 ");
  if (!client) return say("open"), 1;
  if (tumble_evaluate(client, NULL, NULL, NULL, NULL, NULL) != -1) return 1;
  say("no positions");
  printf("extras \"%s\"\n", tumble_extras(client));
  if (tumble_evaluate(client, cell, POSITIONS, &energy, forces, virial)) return say("evaluate"), 1;
  printf("energy %.6f, f1x %.6f, f3z %.6f, wyz %.6f\n", energy, forces[0], forces[8], virial[5]);
  printf("extras %s\n", tumble_extras(client));
  if (tumble_evaluate(client, NULL, POSITIONS, NULL, NULL, NULL)) return say("evaluate"), 1;
  say("nothing wanted");
  if (tumble_evaluate(client, NULL, POSITIONS, &energy, NULL, NULL) != -1) return 1;
  say("refused");
  printf("energy %.6f\n", energy);
  if (tumble_evaluate(client, NULL, POSITIONS, &energy, NULL, NULL) != -1) return 1;
  say("dead");
  tumble_close(client);
  return 0;
}

static int left(const char *address) {
  tumble_client *client = tumble_open(address, 3, SPECIES, NULL);
  if (!client) return say("open"), 1;
  getchar();
  if (tumble_evaluate(client, NULL, POSITIONS, NULL, NULL, NULL) != -1) return 1;
  say("gone");
  tumble_close(client);
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  if (!strcmp(argv[1], "version")) return printf("%s\n", tumble_version()) < 0;
  if (!strcmp(argv[1], "refused")) return refused(argv[2]);
  if (!strcmp(argv[1], "left")) return left(argv[2]);
  return evaluated(argv[2]);
}
