"""A compact PET-like potential: its training, and its export to ONNX with its gradient.

Lengths are Å, energies eV. Modules, in the order of the work: `neighbors`, `data`, `pair`, `functions`, `pet`, `muon`,
`train`, `finish`, `trace`, `checks`, `measure`, `export`.
"""

import os

# ONNX Runtime's wheel reports usage unless this is set before the library is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
