"""tumble's own compact PET: training and export.

In the order of the work: `data`, `pair_baseline`, `pet`, `objective`, `muon`, `train`, `finalize`, `export`.
"""
