/* Machine-learned potentials averaged over rotations, for programs in C, C++, Fortran and what can call C.

   In the process itself:

       const int species[3] = {8, 1, 1};
       tumble_model *model = tumble_load("water-pet.onnx", "rotate: octahedral, inversion: yes");
       if (!model || tumble_compute(model, 3, species, NULL, positions, &energy, forces, NULL))
         fprintf(stderr, "%s\n", tumble_error());
       tumble_free(model);

   From a force server, which was started with `tumble serve MODEL --listen unix:PATH` (or `tcp:HOST:PORT`):

       tumble_client *client = tumble_open("unix:/tmp/forces", 3, species, "rotate: octahedral, seed: 1");
       if (!client || tumble_evaluate(client, NULL, positions, &energy, forces, NULL))
         fprintf(stderr, "%s\n", tumble_error());
       tumble_close(client);

   Compile with -I include and link with -ltumble (libtumble.so, made by `make library` in target/library/release).
   examples/c and examples/fortran are whole programs.

   Units are eV and Å. Arrays of vectors are one vector after the other: x1 y1 z1 x2 y2 z2 ...
   Several threads may use one model or client: their evaluations take turns, and "the last structure" is the last that
   the calling thread has evaluated. Only tumble_free() and tumble_close() must come after all other calls. No function
   prints, exits or throws. */

#ifndef TUMBLE_H
#define TUMBLE_H

#ifdef __cplusplus
extern "C" {
#endif

/** A model in this process. */
typedef struct tumble_model tumble_model;

/** Loads a model. The library of ONNX Runtime is loaded with the first one.
 *
 * The text of `options` holds pairs `key: value` with commas between. An unknown key, a key given twice and a value out
 * of range are errors. The keys:
 *
 * - `rotate: octahedral`: the mitigation, as everywhere in tumble: none (the default), random, random:N, tetrahedral,
 *   octahedral, icosahedral, degree:N, legendre:L, lebedev:L; a grid may be followed by +random
 * - `inversion: yes` or `no`: whether every rotation comes with its inversion
 * - `seed: 1`, `stream: 0`: of the random rotations; streams (to 65535) set simulations with one seed apart
 * - `step: 0`: number of the first structure, 0 if not given; it counts up by one with every structure evaluated, and
 *   chooses the random rotations; see tumble_set_step()
 * - `forces: conservative` or `direct`: what the model prefers if not given
 * - `correction: yes` or `no`: whether only the averaged minus the bare model is wanted; with `rotate` or `inversion`
 * - `threads: 1`: of the model; each evaluates other rotations, or all share one
 * - `memory: 2048`: working memory that the model may take, MB; bigger structures are evaluated in parts
 * - `device: cpu` or `cuda`
 * - `tf32: yes` or `no`: whether a GPU may round products in single precision to TF32, about 3 digits; no if not given
 * - `onnxruntime: PATH`: the library, or the folder that it is in; looked for in the usual places if not given
 * - `sha256: HEX`: the SHA-256 that the model must have, 64 hexadecimal digits; any other file is refused
 *
 * A value cannot hold a comma. Models that were loaded from the same file share what takes memory, and take turns.
 *
 * @param file     an ONNX file that follows tumble's model contract
 * @param options  see above; NULL: none
 * @return a model to be freed with tumble_free(), or NULL: see tumble_error() */
tumble_model *tumble_load(const char *file, const char *options);

/** Sets the number of the next structure, which chooses its random rotations: that of the time step in a program that
 * counts by itself, or the same number again to compare structures under the same rotation. It counts on from there.
 *
 * @param model  from tumble_load()
 * @param step   from 0
 * @return 0, or -1: see tumble_error() */
int tumble_set_step(tumble_model *model, long long step);

/** Has a function asked during evaluations, about ten times a second and between two runs of the model, whether to end.
 *
 * It is called in the thread that called tumble_compute(), and may look at a clock, or at what a signal has left.
 *
 * @param model  from tumble_load()
 * @param asked  returns 0 to go on, another number to end; NULL: nothing is asked
 * @return 0, or -1: see tumble_error() */
int tumble_watch(tumble_model *model, int (*asked)(void));

/** Evaluates one structure. The next may have other atoms.
 *
 * After a failure the model can be used again. On failure no output is written, and this thread has no
 * last structure.
 *
 * @param model      from tumble_load()
 * @param n_atoms    number of atoms, at least 1
 * @param species    [n_atoms] atomic number of each atom
 * @param cell       [9] Å: the three cell vectors, one after the other; nothing repeats along vectors of zero length.
 *                   NULL: nothing repeats at all
 * @param positions  [3 * n_atoms] Å: in the order of the species, wrapped into the cell or not
 * @param energy     [1] eV; may be NULL
 * @param forces     [3 * n_atoms] eV/Å; may be NULL
 * @param virial     [9] eV: -dE/d(strain), symmetric; stress = -virial / volume. Not a number where the model does not
 *                   give it. May be NULL
 * @return 0, -2 if the function of tumble_watch() has asked to end, or -1: see tumble_error() */
int tumble_compute(tumble_model *model, int n_atoms, const int *species, const double *cell, const double *positions,
                   double *energy, double *forces, double *virial);

/** Standard deviations over the rotations of the last structure: how broken the symmetry of the model is there.
 *
 * Not a number if there was one rotation only.
 *
 * @param model   from tumble_load()
 * @param energy  [1] eV; may be NULL
 * @param force   [1] eV/Å, root mean square over all components of the forces; may be NULL
 * @return 0, or -1: see tumble_error() */
int tumble_spread(tumble_model *model, double *energy, double *force);

/** Results of the last structure for each atom.
 *
 * @param model           from tumble_load()
 * @param n_atoms         as it was for tumble_compute()
 * @param energies        [n_atoms] eV: their sum is the energy; may be NULL
 * @param energy_spreads  [n_atoms] eV: standard deviations over the rotations, not a number if there was one only; may
 *                        be NULL
 * @param force_spreads   [3 * n_atoms] eV/Å: the same for each component of the forces; may be NULL
 * @return 0, or -1: see tumble_error() */
int tumble_per_atom(tumble_model *model, int n_atoms, double *energies, double *energy_spreads, double *force_spreads);

/** What else is known about the last structure, as a JSON object.
 *
 * - `evaluations`: how many rotated copies were evaluated
 * - `torque` [3] (eV): what broken symmetry leaves of it
 * - `energy_spread` (eV) and `force_spread` (eV/Å, root mean square): standard deviations over the rotations, if there
 *   was more than one
 * - `replica_energies` [R] (eV), `replica_weights` [R]: energy and weight of each rotation, if there was more than one
 * - `ensemble_energies` [M] (eV): of the members, if the model is an ensemble
 *
 * @param model  from tumble_load()
 * @return the text, "" if there is no last structure; it lives until this thread's next tumble_compute() with the
 * model.
 *         "" for NULL */
const char *tumble_details(tumble_model *model);

/** What the model says of itself and how it is run, as a JSON object.
 *
 * - `name`, `species` (atomic numbers), `cutoff` (Å), `hops` (how often that far an atom's energy depends on others)
 * - `forces`: the kinds that it offers, the preferred one first; `ensemble`: whether it is one
 * - `policy`: what is evaluated for each structure, in words
 * - `origin`: the file and its SHA-256; `notes`: what the user should know, as sentences
 *
 * @param model  from tumble_load()
 * @return the text, which lives as long as the model; "" for NULL */
const char *tumble_about(tumble_model *model);

/** Name of the model; it lives as long as the model. "" for NULL. */
const char *tumble_name(tumble_model *model);

/** Cutoff of the model, Å: its longest edge. -1 for NULL. */
double tumble_cutoff(tumble_model *model);

/** Whether the model knows an element, by its atomic number: 1 or 0. -1 if `model` is NULL. */
int tumble_knows(tumble_model *model, int species);

/** Frees the model.
 *
 * @param model  from tumble_load(), never to be used again; nothing happens if it is NULL */
void tumble_free(tumble_model *model);

/** A connection to a force server, for structures with always the same atoms. */
typedef struct tumble_client tumble_client;

/** Connects to a force server.
 *
 * The text of `options` holds pairs `key: value` with commas between. An unknown key and a key given twice are errors.
 * The keys; what is not given is as the server was started:
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

/** What else is known about the last structure, as a JSON object with the keys and units of tumble_details().
 *
 * @param client  from tumble_open()
 * @return the text, "" before the first structure; it lives until this thread's next tumble_evaluate() with the client.
 * "" for NULL */
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
