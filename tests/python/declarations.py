"""The functions of `include/tumble.h`, and the interfaces to them in a Fortran module."""

import re
import subprocess
from pathlib import Path

from pycparser import c_ast, c_parser

FORTRAN_PROCEDURE = re.compile(
    r"(function|subroutine) (\w+)\(([^)]*)\) bind\(c, name=\"(\w+)\"\)(?: result\((\w+)\))?\n(.*?)end \1", re.S
)


def header(path: Path) -> dict[str, tuple[str, list[str]]]:
    """C types of the result and the arguments of each function of a header."""
    command = ["cc", "-E", "-P", "-x", "c", path]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    functions = (found for found in c_parser.CParser().parse(text).ext if isinstance(found.type, c_ast.FuncDecl))
    return {found.name: signature(found.type) for found in functions}


def signature(function):
    """The types of the result and of the arguments of a C function."""
    arguments = [c_type(argument.type) for argument in function.args.params]
    return c_type(function.type), [] if arguments == ["void"] else arguments


def c_type(node):
    """A type as text; a pointer to a function is `function *`."""
    if isinstance(node, c_ast.PtrDecl):
        return f"{c_type(node.type)} *"
    if isinstance(node, c_ast.FuncDecl):
        return "function"
    return " ".join([*node.quals, *node.type.names])


def fortran(path: Path) -> dict[str, tuple[str, list[str]]]:
    """Fortran declarations of the result and the arguments of each C function in a module's interfaces."""
    text = re.sub(r"&\s*\n\s*", "", path.read_text())
    found = {}
    for kind, own, arguments, name, result, body in FORTRAN_PROCEDURE.findall(text):
        declared = dict(declarations(body))
        names = [argument.strip() for argument in arguments.split(",") if argument.strip()]
        returned = declared[result or own] if kind == "function" else "none"
        found[name] = returned, [declared[argument] for argument in names]
    return found


def declarations(body):
    """Names and declarations such as `real(c_double), intent(in), array`."""
    for kind, names in re.findall(r"^\s*(\w+\(.*?\).*?) :: (.*)$", body, re.M):
        for name, shape in re.findall(r"(\w+)(\([^)]*\))?", names):
            yield name, f"{kind}, array" if shape else kind
