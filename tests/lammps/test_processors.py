"""A warning if the ranks have more threads than processors to run on."""

import os

import pytest
from boxes import toy, triclinic
from lmp import succeed


@pytest.fixture
def one_processor():
    """Restricts this process and its children to one processor."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


def warnings(folder, keywords="", ranks=1):
    """The warnings about threads in the outputs of two runs."""
    output = succeed(folder, triclinic() + toy(keywords=keywords) + "run 0\nrun 0\n", ranks).output
    return [line for line in output.splitlines() if "threads together, but may run on" in line]


def test_single_thread_brings_no_warning(tmp_path):
    assert warnings(tmp_path) == []


def test_more_threads_than_processors(tmp_path, one_processor):
    (line,) = warnings(tmp_path, "threads 3")
    assert "1 rank(s) of a machine have 3 threads together, but may run on 1 processor(s) only" in line
    assert "use fewer ranks or threads (keyword threads), or let MPI bind the ranks to more processors" in line


def test_ranks_times_threads(tmp_path, one_processor):
    (line,) = warnings(tmp_path, "threads 2", 2)
    assert "2 rank(s) of a machine have 4 threads together, but may run on 1 processor(s) only" in line
    (line,) = warnings(tmp_path, ranks=2)
    assert "2 rank(s) of a machine have 2 threads together" in line
