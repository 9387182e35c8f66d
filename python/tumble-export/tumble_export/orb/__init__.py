"""The adapter of Orb.

In the order of the work: `package`, `refuse`, `load`, `layers`, `zbl`, `model`, `source` (the reference),
`orb_adapter`.
"""
