"""The folders of the wheel with which programs in C and Fortran are compiled: python -m tumble.paths [NAME].

As in `cmake -S . -B build -D tumble_DIR=$(python -m tumble.paths cmake)`.
"""

from __future__ import annotations

import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
# Each name, with a file in its folder.
FILES = {
    "cmake": "cmake/tumble-config.cmake",
    "pkgconfig": "pkgconfig/tumble.pc",
    "include": "include/tumble.h",
    "fortran": "fortran/tumble.f90",
    "library": "libtumble.so",
}


def path(name: str) -> Path:
    """The folder of this name, one of those in `FILES`. Raises ValueError if there is none."""
    if name not in FILES:
        raise ValueError(f"{name!r} is no folder of tumble: give one of {', '.join(FILES)}")
    file = PACKAGE / FILES[name]
    if not file.exists():
        raise ValueError(f"{file} is missing: install the wheel of tumble-md with the compiled library")
    return file.parent


def main(arguments: list[str]) -> int:
    """Prints the folders of these names, or all of them with their names."""
    try:
        found = [str(path(name)) for name in arguments] or [f"{name} {path(name)}" for name in FILES]
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n".join(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
