"""`python -m tumble_export`, the command `tumble-export`."""

from .command import main

main()
