"""What Python and Fortran believe of the library is what its header declares."""

import re
from ctypes import c_char_p, c_double, c_int, c_longlong, c_void_p
from pathlib import Path

from tumble.library import DOUBLES, FUNCTIONS, INTS

ROOT = Path(__file__).resolve().parents[2]
# Comments away: they have parentheses too.
HEADER = re.sub(r"/\*.*?\*/", "", (ROOT / "include/tumble.h").read_text(), flags=re.S)
DECLARED = {
    name: (result, arguments)
    for result, name, arguments in re.findall(r"^([a-z][\w ]*\*? ?)(tumble_\w+)\(([^;]*)\);", HEADER, flags=re.M)
}
KINDS = {
    "void": None,
    "int": c_int,
    "double": c_double,
    "long long": c_longlong,
    "const char *": c_char_p,
    "const int *": INTS,
    "const double *": DOUBLES,
    "double *": DOUBLES,
    "tumble_model *": c_void_p,
    "tumble_client *": c_void_p,
}


def kind(argument):
    """The type of an argument or a result, without its name; a function is an address."""
    if "(*" in argument:
        return c_void_p
    words = re.match(r"\s*((?:const )?(?:long long|\w+) ?\*?)", " ".join(argument.split())).group(1).strip()
    return KINDS[words]


def test_python_calls_functions_as_the_header_declares_them():
    assert len(DECLARED) >= 16
    for name, (result, arguments) in FUNCTIONS.items():
        declared = DECLARED[name][1]
        expected = [] if declared == "void" else [kind(argument) for argument in declared.split(",")]
        assert (result, arguments) == (kind(DECLARED[name][0]), expected), name


def test_fortran_has_as_many_arguments_as_the_header():
    module = (ROOT / "examples/fortran/tumble.f90").read_text()
    found = re.findall(r"(?:function|subroutine) \w+\(([^)]*)\)\s*&?\s*bind\(c, name=\"(tumble_\w+)\"\)", module)
    assert len(found) >= 10
    for arguments, name in found:
        declared = DECLARED[name][1]
        expected = 0 if declared == "void" else declared.count(",") + 1
        assert len([argument for argument in arguments.split(",") if argument.strip()]) == expected, name
