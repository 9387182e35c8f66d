"""Measures the latency and the bandwidth of messages between two ranks, and the time of an all-reduce.

    mpiexec -n 2 python3 benches/lammps/ping_pong.py

Rank 0 prints JSON for `networks.json` beside this file. MPI is called through ctypes: a call costs about a microsecond
more than in C, which counts to the latency. For MPICH and compatible libraries, as LAMMPS of the Python package.
"""

import ctypes
import json
import sys
import time
from pathlib import Path

# Of MPICH's ABI.
WORLD, BYTE, INT, MAX = 0x44000000, 0x4C00010D, 0x4C000405, 0x58000001
SMALL, LARGE = 40, 1 << 22
ROUNDS = 15

MPI = ctypes.CDLL(str(Path(sys.prefix) / "lib/libmpi.so.12"))
STATUS = ctypes.create_string_buffer(64)


def rank():
    """Number of this rank."""
    found = ctypes.c_int()
    MPI.MPI_Comm_rank(WORLD, ctypes.byref(found))
    return found.value


def bounce(me, data, times):
    """Seconds of a message from one rank to the other."""
    start = time.perf_counter()
    for _ in range(times):
        for sender in (0, 1):
            if me == sender:
                MPI.MPI_Send(data, len(data), BYTE, 1 - me, 1, WORLD)
            else:
                MPI.MPI_Recv(data, len(data), BYTE, 1 - me, 1, WORLD, STATUS)
    return (time.perf_counter() - start) / (2 * times)


def agree(times):
    """Seconds of an all-reduce of two integers."""
    numbers = (ctypes.c_int * 2)(1, -1)
    start = time.perf_counter()
    for _ in range(times):
        MPI.MPI_Allreduce(ctypes.c_void_p(-1), numbers, 2, INT, MAX, WORLD)
    return (time.perf_counter() - start) / times


def least(measure):
    """Least of several measurements."""
    return min(measure() for _ in range(ROUNDS))


def main():
    """Measures, and prints on rank 0."""
    MPI.MPI_Init(None, None)
    me = rank()
    small, large = (ctypes.create_string_buffer(size) for size in (SMALL, LARGE))
    latency, long = least(lambda: bounce(me, small, 500)), least(lambda: bounce(me, large, 10))
    found = dict(latency=latency, bandwidth=LARGE / (long - latency), all_reduce=least(lambda: agree(500)))
    if me == 0:
        print(json.dumps(found))
    MPI.MPI_Finalize()


if __name__ == "__main__":
    main()
