/* Machine-learned potentials averaged over rotations, for C, C++, Fortran and other languages that can call C.

   To evaluate a model in your own process:

       const int species[3] = {8, 1, 1};
       tumble_model *model = tumble_load("water-pet.onnx", "rotate: octahedral, inversion: yes");
       if (!model || tumble_compute(model, 3, species, NULL, positions, &energy, forces, NULL))
         fprintf(stderr, "%s\n", tumble_error());
       tumble_free(model);

   To use a force server, started with `tumble serve MODEL --listen unix:PATH` (or `tcp:HOST:PORT`):

       tumble_client *client = tumble_open("unix:/tmp/forces", 3, species, "rotate: octahedral, seed: 1");
       if (!client || tumble_evaluate(client, NULL, positions, &energy, forces, NULL))
         fprintf(stderr, "%s\n", tumble_error());
       tumble_close(client);

   Compile with -I include and link with -ltumble (libtumble.so, which `make library` puts into target/release).
   examples/c and examples/fortran have complete programs.

   Units are eV and Å. Arrays of vectors hold one vector after the other: x1 y1 z1 x2 y2 z2 ...
   Several threads may use one model or client: they evaluate in turn, and "the last structure" is the calling thread's
   last structure. Call tumble_free() and tumble_close() only after all other calls have returned.
   No function prints, exits or throws. */

#ifndef TUMBLE_H
#define TUMBLE_H

/**
 * A connection to a force server. All its structures have the same atoms.
 */
typedef struct tumble_client tumble_client;

/**
 * A model loaded into this process.
 */
typedef struct tumble_model tumble_model;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The error of the calling thread's last call, as a sentence without a line break.
 *
 * @return the text, valid until this thread's next call of another function; "" if the call succeeded
 */
const char *tumble_error(void);

/**
 * Version of the library, for example "1.2.3".
 */
const char *tumble_version(void);

/**
 * Loads a model. The first call also loads the ONNX Runtime library.
 *
 * `options` is a list of `key: value` pairs, separated by commas. Unknown keys, repeated keys and values out of range
 * are errors. The keys:
 *
 * - `rotate: octahedral`: the mitigation: none (the default), random, random:N, tetrahedral, octahedral, icosahedral,
 *   degree:N, legendre:L or lebedev:L; a grid may be followed by +random
 * - `inversion: yes` or `no`: whether to add the inversion of every rotation
 * - `seed: 1`, `stream: 0`: select the random rotations; streams (up to 65535) give simulations with the same seed
 *   different rotations
 * - `step: 0`: number of the first structure, 0 by default; it increases by one with every evaluation, and selects the
 *   random rotations; see tumble_set_step()
 * - `forces: conservative` or `direct`: the kind of forces; by default the model's preference
 * - `correction: yes` or `no`: whether to return averaged minus bare; with `rotate` or `inversion`
 * - `threads: 1`: CPU threads of the model; each evaluates different rotations, or all work on one
 * - `memory: 2048`: working memory of the model, MB; larger structures are evaluated in parts
 * - `device: cpu` or `cuda`
 * - `tf32: yes` or `no`: whether a GPU may round products in single precision to TF32: faster, but accurate to
 *   only about 3 digits; no by default
 * - `onnxruntime: PATH`: the ONNX Runtime library, or its folder; by default searched for in the usual places
 * - `charge: -1` (e), `spin: 2` (the multiplicity 2S + 1), `field: 0 0 0.1` (V/Å): conditions of all structures, for
 *   models that know them; see tumble_set_conditions()
 * - `sha256: HEX`: the SHA-256 that the model must have, 64 hexadecimal digits; any other file is refused
 *
 * A value cannot contain a comma. Models loaded from the same file share their memory, and evaluate in turn.
 *
 * @param file     an ONNX file that follows tumble's model contract
 * @param options  see above, or NULL for the defaults
 * @return a model, to be freed with tumble_free(); NULL on failure, see tumble_error()
 */
tumble_model *tumble_load(const char *file, const char *options);

/**
 * Loads several models as a committee: energy, forces and virial are means over the models.
 *
 * The models need the same cutoff and the same conditions, and a kind of forces in common. See
 * tumble_force_deviations() and tumble_details() for their disagreement. One file is a single model.
 *
 * @param n_files  number of files, at least 1
 * @param files    [n_files] ONNX files that follow tumble's model contract, each model once
 * @param options  as in tumble_load(), or NULL for the defaults
 * @return a model, to be freed with tumble_free(); NULL on failure, see tumble_error()
 */
tumble_model *tumble_load_committee(int n_files, const char *const *files, const char *options);

/**
 * Sets the number of the next structure, which selects its random rotations. Later structures count up from it.
 *
 * Pass your own time step if your program counts steps itself. Pass the same number again to compare structures under
 * the same rotation. After tumble_set_beads() this is the number of the next step, from its first bead.
 *
 * @param model  from tumble_load()
 * @param step   from 0
 * @return 0; -1 on failure, see tumble_error()
 */
int tumble_set_step(tumble_model *model, long long step);

/**
 * Takes the structures as beads of ring polymers, or replicas: bead by bead, step by step.
 *
 * The beads of a step have the same step number. Each bead has a random stream of its own, from `stream` on, or with
 * `shared` all have the random rotations of the first one. The next structure is the first bead of its step.
 *
 * @param model    from tumble_load()
 * @param n_beads  structures of a step, from 1 to 65535; 1 is the default: each structure is a step
 * @param shared   1: the beads of a step share their random rotations; 0: they do not
 * @return 0; -1 on failure, see tumble_error()
 */
int tumble_set_beads(tumble_model *model, int n_beads, int shared);

/**
 * Registers a function that can end an evaluation, called about ten times per second and between two runs of the model.
 *
 * It runs in the thread that called tumble_compute(). It may read a clock, or a flag that a signal handler has set.
 *
 * @param model       from tumble_load()
 * @param should_end  returns 0 to continue, any other number to end; NULL removes the function
 * @return 0; -1 on failure, see tumble_error()
 */
int tumble_watch(tumble_model *model, int (*should_end)(void));

/**
 * Sets charge, spin and field of the structures of the next tumble_compute() or tumble_compute_many(), for models that
 * know them; tumble_about() lists these under `conditions`.
 *
 * NULL and NaN stand for the value in the options of tumble_load(). After the next evaluation the options count again.
 *
 * @param model         from tumble_load()
 * @param n_structures  number of structures of the next evaluation, at least 1
 * @param charges       [n_structures] total charge, e; may be NULL
 * @param spins         [n_structures] spin multiplicity 2S + 1; may be NULL
 * @param fields        [3 * n_structures] uniform electric field, V/Å; may be NULL
 * @return 0; -1 on failure, see tumble_error()
 */
int tumble_set_conditions(tumble_model *model,
                          int n_structures,
                          const double *charges,
                          const double *spins,
                          const double *fields);

/**
 * Evaluates one structure. The next structure may have other atoms.
 *
 * On failure no output is written, and this thread has no last structure. You can use the model again.
 *
 * @param model      from tumble_load()
 * @param n_atoms    number of atoms, at least 1
 * @param species    [n_atoms] atomic number of each atom
 * @param cell       [9] Å: the three cell vectors, one after the other; directions with a zero vector are not periodic.
 *                   NULL: no direction is periodic
 * @param positions  [3 * n_atoms] Å: in the order of the species, wrapped into the cell or not
 * @param energy     [1] eV; may be NULL
 * @param forces     [3 * n_atoms] eV/Å; may be NULL
 * @param virial     [9] eV: -dE/d(strain), symmetric; stress = -virial / volume. NaN if the model does not give it. May
 *                   be NULL
 * @return 0; -2 if the function of tumble_watch() has ended the evaluation; -1 on failure, see tumble_error()
 */
int tumble_compute(tumble_model *model,
                   int n_atoms,
                   const int *species,
                   const double *cell,
                   const double *positions,
                   double *energy,
                   double *forces,
                   double *virial);

/**
 * Evaluates many structures at once, with the results of tumble_compute() for one after the other.
 *
 * Small structures share runs of the model, which takes a fraction of the time, and with several `threads` the runs are
 * shared out. Each structure has its own number, in their order, and so its own random rotations. tumble_select() chooses
 * the structure of tumble_spread(), tumble_per_atom() and tumble_details(), at first the first one.
 *
 * On failure no output is written, and this thread has no last structure; the message names the structure. You can use
 * the model again.
 *
 * @param model         from tumble_load()
 * @param n_structures  number of structures, at least 1
 * @param n_atoms       [n_structures] number of atoms of each structure, at least 1
 * @param species       atomic numbers of the atoms of all structures, one structure after the other
 * @param cells         [9 * n_structures] Å: the cell of each structure as in tumble_compute(). NULL: none is periodic
 * @param positions     [3 * all atoms] Å: in the order of the species
 * @param energies      [n_structures] eV; may be NULL
 * @param forces        [3 * all atoms] eV/Å; may be NULL
 * @param virials       [9 * n_structures] eV, as in tumble_compute(); may be NULL
 * @return 0; -2 if the function of tumble_watch() has ended the evaluation; -1 on failure, see tumble_error()
 */
int tumble_compute_many(tumble_model *model,
                        int n_structures,
                        const int *n_atoms,
                        const int *species,
                        const double *cells,
                        const double *positions,
                        double *energies,
                        double *forces,
                        double *virials);

/**
 * Selects one of the structures of this thread's last tumble_compute_many(), for tumble_spread(), tumble_per_atom() and
 * tumble_details().
 *
 * @param model      from tumble_load()
 * @param structure  index of the structure, from 0
 * @return 0; -1 on failure, see tumble_error()
 */
int tumble_select(tumble_model *model, int structure);

/**
 * Standard deviations of energy and forces over the rotations of the last structure: its broken symmetry.
 *
 * NaN if there was only one rotation.
 *
 * @param model   from tumble_load()
 * @param energy  [1] eV; may be NULL
 * @param force   [1] eV/Å, root mean square over all components of the forces; may be NULL
 * @return 0; -1 on failure, see tumble_error()
 */
int tumble_spread(tumble_model *model, double *energy, double *force);

/**
 * Energies and spreads per atom of the last structure.
 *
 * @param model           from tumble_load()
 * @param n_atoms         as in tumble_compute()
 * @param energies        [n_atoms] eV: their sum is the energy; may be NULL
 * @param energy_spreads  [n_atoms] eV: standard deviations over the rotations, NaN if there was only one; may be NULL
 * @param force_spreads   [3 * n_atoms] eV/Å: the same for each component of the forces; may be NULL
 * @return 0; -1 on failure, see tumble_error()
 */
int tumble_per_atom(tumble_model *model, int n_atoms, double *energies, double *energy_spreads, double *force_spreads);

/**
 * Disagreement of a committee on the force on each atom of the last structure: sqrt(mean over the models of
 * |F - mean F|^2), as `max_devi_f` of DeePMD-kit has it.
 *
 * NaN if the model is no committee.
 *
 * @param model       from tumble_load_committee()
 * @param n_atoms     as in tumble_compute()
 * @param deviations  [n_atoms] eV/Å; may be NULL
 * @return 0; -1 on failure, see tumble_error()
 */
int tumble_force_deviations(tumble_model *model, int n_atoms, double *deviations);

/**
 * Further results for the last structure, as a JSON object.
 *
 * - `evaluations`: number of rotated copies
 * - `torque` [3] (eV): torque of the model on the whole system, zero for an invariant model
 * - `energy_spread` (eV) and `force_spread` (eV/Å, root mean square): standard deviations over the rotations, if there
 *   was more than one
 * - `replica_energies` [R] (eV), `replica_weights` [R]: energy and weight of each rotation, if there was more than one
 * - `ensemble_energies` [M] (eV): energies of the members, if the model is an ensemble or a committee
 * - for a committee, `energy_deviation` (eV): standard deviation over the models, with the divisor M - 1;
 *   `force_deviations` [N] (eV/Å) as in tumble_force_deviations(), and the largest one, `max_force_deviation`;
 *   `member_forces` [M][N][3] (eV/Å) and, if all models give one, `member_virials` [M][3][3] (eV)
 * - `outputs`, `output_units`: names and units of the model's other outputs, if it has any; under each name its values,
 *   a number, [3] or [3][3], of the structure or of each atom; with several rotations their spreads as NAME_spread
 *
 * @param model  from tumble_load()
 * @return the text, valid until this thread's next tumble_compute() with the model; "" if there is no last structure,
 *         or for NULL
 */
const char *tumble_details(tumble_model *model);

/**
 * The same results for i-PI, as `tumble ipi` sends them: under i-PI's names where it has them, such as `o3grid_pots` and
 * `committee_pot`, with those and the model's outputs in atomic units.
 *
 * @param model  from tumble_load()
 * @return the text, valid until this thread's next tumble_compute() with the model; "" if there is no last structure,
 *         or for NULL
 */
const char *tumble_ipi_extras(tumble_model *model);

/**
 * Describes the model and its settings, as a JSON object.
 *
 * - `name`, `species` (atomic numbers), `cutoff` (Å), `hops` (an atom's energy depends on atoms within hops * cutoff)
 * - `forces`: the kinds that the model offers, the preferred one first; `ensemble`: whether the model is an ensemble
 * - `conditions`: those that the model needs, of `charge`, `spin` and `field`
 * - `outputs`: the model's other outputs, each with `name`, `per` (atom or structure), `law` (scalar, vector or tensor)
 *   and `unit` ("" if unknown)
 * - `policy`: the evaluations for each structure, in words
 * - `members`: number of models of a committee, 0 for a single model
 * - `origin`: each file and its SHA-256; `notes`: warnings for the user, as sentences
 *
 * @param model  from tumble_load()
 * @return the text, valid as long as the model; "" for NULL
 */
const char *tumble_about(tumble_model *model);

/**
 * Name of the model, valid as long as the model. "" for NULL.
 */
const char *tumble_name(tumble_model *model);

/**
 * Cutoff of the model, Å: the length of its longest edge. -1 for NULL.
 */
double tumble_cutoff(tumble_model *model);

/**
 * Whether the model knows an element, by its atomic number: 1 or 0. -1 if `model` is NULL.
 */
int tumble_knows(tumble_model *model, int species);

/**
 * Frees the model.
 *
 * @param model  from tumble_load(); invalid afterwards. NULL is ignored
 */
void tumble_free(tumble_model *model);

/**
 * Connects to a force server.
 *
 * `options` is a list of `key: value` pairs, separated by commas. Unknown and repeated keys are errors. The keys, by
 * default as set on the server's command line:
 *
 * - `rotate: octahedral`: the mitigation, as in tumble_load()
 * - `inversion: yes` or `no`: whether to add the inversion of every rotation
 * - `seed: 1`, `stream: 0`: select the random rotations; streams (up to 65535) give simulations with the same seed
 *   different rotations
 * - `step: 0`: number of the first structure, 0 by default; it increases by one with every structure, and selects the
 *   random rotations
 * - `forces: conservative` or `direct`: the kind of forces
 * - `correction: yes` or `no`: whether to return averaged minus bare
 * - `token: SECRET`: for a server with a token
 *
 * @param address  `unix:PATH` or `tcp:HOST:PORT`
 * @param n_atoms  number of atoms, at least 1
 * @param species  atomic number of each atom
 * @param options  see above, or NULL for the defaults
 * @return a client, to be closed with tumble_close(); NULL on failure, see tumble_error()
 */
tumble_client *tumble_open(const char *address, int n_atoms, const int *species, const char *options);

/**
 * Evaluates one structure, and waits for the results.
 *
 * On failure no output is written. You can then only close the client, unless an argument was NULL.
 *
 * @param client     from tumble_open()
 * @param cell       [9] Å: the three cell vectors, one after the other; directions with a zero vector are not periodic.
 *                   NULL: no direction is periodic
 * @param positions  [3 * n_atoms] Å: in the order of the species, wrapped into the cell or not
 * @param energy     [1] eV; may be NULL
 * @param forces     [3 * n_atoms] eV/Å; may be NULL
 * @param virial     [9] eV: -dE/d(strain), symmetric; stress = -virial / volume. NaN if the model does not give it. May
 *                   be NULL
 * @return 0; -1 on failure, see tumble_error()
 */
int tumble_evaluate(tumble_client *client,
                    const double *cell,
                    const double *positions,
                    double *energy,
                    double *forces,
                    double *virial);

/**
 * Further results for the last structure, as a JSON object with the keys and units of tumble_details().
 *
 * @param client  from tumble_open()
 * @return the text, valid until this thread's next tumble_evaluate() with the client; "" before the first structure, or
 *         for NULL
 */
const char *tumble_extras(tumble_client *client);

/**
 * Closes the connection and frees the client.
 *
 * @param client  from tumble_open(); invalid afterwards. NULL is ignored
 */
void tumble_close(tumble_client *client);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TUMBLE_H */
