"""`python -m tumble_export CHECKPOINT OUT`."""

from .export import main

main()
