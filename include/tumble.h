/* Energies, forces and virials from a force server of tumble, for programs in C, C++ and what can call C.

   A server is started with `tumble serve MODEL --listen unix:PATH` (or `tcp:HOST:PORT`). Then:

       const int species[3] = {8, 1, 1};
       tumble_client *client = tumble_open("unix:/tmp/forces", 3, species, "rotate: octahedral, seed: 1");
       if (!client || tumble_evaluate(client, NULL, positions, &energy, forces, NULL))
         fprintf(stderr, "%s\n", tumble_error());
       tumble_close(client);

   Compile with -I include and link with -ltumble (libtumble.so, made by `cargo build --release`).

   Units are eV and Å. Arrays of vectors are one vector after the other: x1 y1 z1 x2 y2 z2 ...
   One client may be used by one thread at a time; different clients are independent. No function prints, exits or
   throws. */

#ifndef TUMBLE_H
#define TUMBLE_H

#ifdef __cplusplus
extern "C" {
#endif

/** A connection to a force server, for structures with always the same atoms. */
typedef struct tumble_client tumble_client;

/** Connects to a force server.
 *
 * The text of `options` holds pairs `key: value` with commas between. What is not given is as the server was started:
 *
 * - `rotate: octahedral`: the mitigation, as everywhere in tumble
 * - `inversion: yes` or `no`: whether every rotation comes with its inversion
 * - `seed: 1`, `stream: 0`: of the random rotations; streams (to 65535) set simulations with one seed apart
 * - `step: 0`: number of the first structure, 0 if not given; it counts up by one with every structure, and chooses the
 *   random rotations
 * - `forces: conservative` or `direct`
 * - `correction: yes` or `no`: whether only the averaged minus the bare model is wanted
 * - `token: SECRET`: for a server that asks for one
 *
 * @param address  `unix:PATH` or `tcp:HOST:PORT`
 * @param n_atoms  number of atoms, at least 1
 * @param species  atomic number of each atom
 * @param options  see above; NULL: none
 * @return a client to be closed with tumble_close(), or NULL: see tumble_error() */
tumble_client *tumble_open(const char *address, int n_atoms, const int *species, const char *options);

/** Evaluates one structure, and waits for the results.
 *
 * After a failure the client can only be closed, unless an argument was NULL. On failure no output is written.
 *
 * @param client     from tumble_open()
 * @param cell       [9] Å: the three cell vectors, one after the other; nothing repeats along vectors of zero length.
 *                   NULL: nothing repeats at all
 * @param positions  [3 * n_atoms] Å: in the order of the species, wrapped into the cell or not
 * @param energy     [1] eV; may be NULL
 * @param forces     [3 * n_atoms] eV/Å; may be NULL
 * @param virial     [9] eV: -dE/d(strain), symmetric; stress = -virial / volume. Not a number where the forces are no
 *                   derivatives. May be NULL
 * @return 0, or -1: see tumble_error() */
int tumble_evaluate(tumble_client *client, const double *cell, const double *positions, double *energy, double *forces,
                    double *virial);

/** What else is known about the last structure that was evaluated, as a JSON object.
 *
 * - `evaluations`: how many rotated copies were evaluated
 * - `energy_spread` (eV) and `force_spread` (eV/Å, root mean square): standard deviations over the rotations, if there
 *   was more than one
 * - `torque` [3] (eV): what broken symmetry leaves of it
 * - `o3grid_pots` [R] (Hartree), `o3grid_weights` [R]: energy and weight of each rotation
 * - `committee_pot` [M] (Hartree): energies of an ensemble, if the model is one
 *
 * @param client  from tumble_open()
 * @return the text, "" before the first structure; it lives until the next call with this client. "" for NULL */
const char *tumble_extras(tumble_client *client);

/** What went wrong in the last call of the calling thread, as a sentence without a line break.
 *
 * @return the text, "" if nothing went wrong; it lives until this thread's next call of another function */
const char *tumble_error(void);

/** Says goodbye to the server and frees the client.
 *
 * @param client  from tumble_open(), never to be used again; nothing happens if it is NULL */
void tumble_close(tumble_client *client);

/** Version of the library, as "1.2.3". */
const char *tumble_version(void);

#ifdef __cplusplus
}
#endif

#endif
