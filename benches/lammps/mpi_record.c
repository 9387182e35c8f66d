/* Records what a rank of LAMMPS does in MPI: preload it.
 *
 * At the end, each rank writes to the file FOLDER/mpi-RANK, with FOLDER from the variable MPI_RECORD: its processor
 * time in the steps of the last run and the part of it inside MPI, seconds; then, line by line, partner and bytes of the
 * messages of pair_style tumble. A rank that waits spins inside MPI, so the difference of the two times is its own
 * work. LAMMPS calls MPI_Barrier before the first step, after the last, and at the end. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* As in cpp/rank_exchange.cpp. */
enum { TAG = 7305, MOST = 1 << 20 };

static struct {
  int partner;
  long bytes;
} messages[MOST];
static int n_messages;
static double seconds_in_mpi;

/* Processor time in all and inside MPI at the last three barriers. */
enum { BARRIERS = 3 };
static double at_barrier[BARRIERS][2];

static double now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

/* Defines an MPI function that adds its processor time. */
#define TIMED(name, parameters, arguments)                        \
  int name parameters {                                           \
    static int(*original) parameters = NULL;                      \
    if (!original) *(void **)&original = dlsym(RTLD_NEXT, #name); \
    const double start = now(CLOCK_THREAD_CPUTIME_ID);            \
    const int code = original arguments;                          \
    seconds_in_mpi += now(CLOCK_THREAD_CPUTIME_ID) - start;       \
    return code;                                                  \
  }

TIMED(MPI_Allreduce, (const void *a, void *b, int n, MPI_Datatype t, MPI_Op o, MPI_Comm c), (a, b, n, t, o, c))
TIMED(MPI_Bcast, (void *a, int n, MPI_Datatype t, int root, MPI_Comm c), (a, n, t, root, c))
TIMED(MPI_Send, (const void *a, int n, MPI_Datatype t, int to, int tag, MPI_Comm c), (a, n, t, to, tag, c))
TIMED(MPI_Recv, (void *a, int n, MPI_Datatype t, int from, int tag, MPI_Comm c, MPI_Status *s),
      (a, n, t, from, tag, c, s))
TIMED(MPI_Probe, (int from, int tag, MPI_Comm c, MPI_Status *s), (from, tag, c, s))
TIMED(MPI_Wait, (MPI_Request *r, MPI_Status *s), (r, s))
TIMED(MPI_Waitall, (int n, MPI_Request *r, MPI_Status *s), (n, r, s))
TIMED(MPI_Waitany, (int n, MPI_Request *r, int *which, MPI_Status *s), (n, r, which, s))
TIMED(MPI_Sendrecv,
      (const void *a, int n, MPI_Datatype t, int to, int tag, void *b, int m, MPI_Datatype u, int from, int other,
       MPI_Comm c, MPI_Status *s),
      (a, n, t, to, tag, b, m, u, from, other, c, s))

int MPI_Isend(const void *data, int count, MPI_Datatype type, int partner, int tag, MPI_Comm comm, MPI_Request *request) {
  int size = 0;
  MPI_Type_size(type, &size);
  if (tag == TAG && n_messages < MOST) {
    messages[n_messages].partner = partner;
    messages[n_messages++].bytes = (long)size * count;
  }
  return PMPI_Isend(data, count, type, partner, tag, comm, request);
}

int MPI_Barrier(MPI_Comm comm) {
  const int code = PMPI_Barrier(comm);
  memmove(at_barrier, at_barrier + 1, sizeof at_barrier - sizeof *at_barrier);
  at_barrier[BARRIERS - 1][0] = now(CLOCK_PROCESS_CPUTIME_ID);
  at_barrier[BARRIERS - 1][1] = seconds_in_mpi;
  return code;
}

int MPI_Finalize(void) {
  int rank = 0;
  char path[4096];
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  snprintf(path, sizeof path, "%s/mpi-%d", getenv("MPI_RECORD"), rank);
  FILE *file = fopen(path, "w");
  if (file) {
    fprintf(file, "%.9f %.9f\n", at_barrier[1][0] - at_barrier[0][0], at_barrier[1][1] - at_barrier[0][1]);
    for (int i = 0; i < n_messages; i++) fprintf(file, "%d %ld\n", messages[i].partner, messages[i].bytes);
    fclose(file);
  }
  return PMPI_Finalize();
}
