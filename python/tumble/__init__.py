"""Energies, forces and virials from a force server of tumble (`tumble serve`). Units are eV and Å.

`tumble.client.Client` needs NumPy only; `tumble.ase.TumbleClient` is a calculator for ASE.
"""

from tumble.client import Answer, Client, ServerError

__all__ = ["Answer", "Client", "ServerError"]
