"""The adapter of metatrain's PET.

In the order of the work: `load`, `layers`, `cutoff`, `zbl`, `pet`, `source` (the reference), `pet_adapter`.
"""
