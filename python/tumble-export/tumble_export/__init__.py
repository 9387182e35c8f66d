"""Exports PyTorch potentials, with their gradients, to ONNX files of the model contract; trains a compact PET.

Lengths are Å, energies eV. Every potential but the compact one needs an `adapter`: `metatrain` and `orb` make one for
models of these packages, `custom` for your own. Then `pipeline` calls `trace`, `verify` (on `structures`) and
`receptive_field`. `compact` trains and exports tumble's own PET.
"""

import os

# ONNX Runtime's wheel reports usage unless this is set before the library is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
