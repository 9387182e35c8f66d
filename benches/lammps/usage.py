"""Runs a command and records its memory and time in a folder: `usage.py FOLDER COMMAND ...`, per rank under mpiexec."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main(folder, *command):
    """Runs the command and returns its exit code."""
    start = time.perf_counter()
    # MPI's launcher talks to the rank through a file descriptor: keep it open.
    process = subprocess.Popen(command, close_fds=False)
    _, status, used = os.wait4(process.pid, 0)
    result = {"peak_bytes": 1024 * used.ru_maxrss, "page_faults": used.ru_minflt}
    result |= {"user_seconds": used.ru_utime, "system_seconds": used.ru_stime}
    result["cores"] = (used.ru_utime + used.ru_stime) / (time.perf_counter() - start)
    Path(folder, f"usage-{os.getpid()}.json").write_text(json.dumps(result))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
