"""Exports PyTorch potentials, with their gradients, to ONNX files of the model contract; trains a compact PET.

Modules of the compact PET, in the order of the work (lengths are Å, energies eV): `neighbors`, `data`, `pair`,
`functions`, `pet`, `muon`, `train`, `finish`, `trace`, `checks`, `measure`, `export`.

Every other potential needs an `adapter`. For metatrain's PET it is made by `mtt_load`, `mtt_layers`, `mtt_cutoff`,
`mtt_zbl`, `mtt_pet`, `mtt_source` and `mtt_adapter`; for Orb by `orb_load`, `orb_layers`, `orb_zbl`, `orb_model`,
`orb_source` and `orb_adapter`. Then `pipeline` calls `trace`, `proof` (on `structures`) and `reach`.
"""

import os

# ONNX Runtime's wheel reports usage unless this is set before the library is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
