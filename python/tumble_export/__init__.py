"""PyTorch potentials -> ONNX files of the model contract, with their gradients; and a compact PET-like potential.

The compact one, in the order of the work (lengths are Å, energies eV): `neighbors`, `data`, `pair`, `functions`, `pet`,
`muon`, `train`, `finish`, `trace`, `checks`, `measure`, `export`.

Any other: an `adapter` of it, made for metatrain's PET by `mtt_load`, `mtt_layers`, `mtt_cutoff`, `mtt_zbl`, `mtt_pet`,
`mtt_source` and `mtt_adapter`, and for Orb by `orb_load`, `orb_layers`, `orb_zbl`, `orb_model`, `orb_source` and
`orb_adapter`; then `trace`, `proof` (on `structures`), `reach`, all called by `pipeline`.
"""

import os

# ONNX Runtime's wheel reports usage unless this is set before the library is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
