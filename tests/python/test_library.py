"""The declarations of the C interface in Python and in Fortran match the header."""

from ctypes import c_char_p, c_double, c_int, c_longlong, c_void_p
from pathlib import Path

from declarations import fortran, header
from tumble.library import DOUBLES, FUNCTIONS, INTS, TEXTS

ROOT = Path(__file__).resolve().parents[2]
HEADER = header(ROOT / "include/tumble.h")
FORTRAN = fortran(ROOT / "examples/fortran/tumble.f90")
CLIENT = {"tumble_open", "tumble_evaluate", "tumble_extras", "tumble_close"}  # Python has a client of its own
NOT_IN_PYTHON = CLIENT | {"tumble_name", "tumble_cutoff", "tumble_knows"}  # contained in the result of tumble_about
NOT_IN_FORTRAN = CLIENT | {"tumble_name", "tumble_about"}

PYTHON = {
    "void": None,
    "int": c_int,
    "double": c_double,
    "long long": c_longlong,
    "const char *": c_char_p,
    "const char * *": TEXTS,
    "const int *": INTS,
    "const double *": DOUBLES,
    "double *": DOUBLES,
    "tumble_model *": c_void_p,
    "tumble_client *": c_void_p,
    "function *": c_void_p,
}
FORTRAN_RESULTS = {
    "void": {"none"},
    "int": {"integer(c_int)"},
    "double": {"real(c_double)"},
    "const char *": {"type(c_ptr)"},
    "tumble_model *": {"type(c_ptr)"},
}
FORTRAN_ARGUMENTS = {
    "int": {"integer(c_int), value"},
    "long long": {"integer(c_long_long), value"},
    "const char *": {"character(kind=c_char), intent(in), array"},
    "const char * *": {"type(c_ptr), intent(in), array"},
    "const int *": {"integer(c_int), intent(in), array"},
    "const double *": {"real(c_double), intent(in), array"},
    "double *": {"real(c_double), intent(out)", "real(c_double), intent(out), array"},
    "tumble_model *": {"type(c_ptr), value"},
    "function *": {"type(c_funptr), value"},
}


def test_python_declares_the_functions_of_the_header():
    assert FUNCTIONS.keys() == HEADER.keys() - NOT_IN_PYTHON
    for name, declared in FUNCTIONS.items():
        result, arguments = HEADER[name]
        assert declared == (PYTHON[result], [PYTHON[argument] for argument in arguments]), name


def test_fortran_declares_the_functions_of_the_header():
    assert FORTRAN.keys() - {"strlen"} == HEADER.keys() - NOT_IN_FORTRAN
    for name in HEADER.keys() - NOT_IN_FORTRAN:
        (result, arguments), (declared_result, declared) = HEADER[name], FORTRAN[name]
        assert declared_result in FORTRAN_RESULTS[result], name
        assert len(declared) == len(arguments), name
        assert all(found in FORTRAN_ARGUMENTS[argument] for found, argument in zip(declared, arguments)), name
