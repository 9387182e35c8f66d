"""PETs of metatrain before 2026.4, with the attributes of the present one.

They have the layers in the model itself, not in its `backend`, and lack later options, which get the values of
metatrain's own `checkpoints.py`.
"""

METHOD, FUNCTION = "grid", "Cosine"  # the only ones of versions without a choice


def present(pet):
    """The PET itself if it has a backend, else a `Former` in its place."""
    for block in pet.modules():
        if hasattr(block, "input_linear") and not hasattr(block, "temperature"):
            block.temperature = 1.0
    return pet if hasattr(pet, "backend") else Former(pet)


class Former:
    """A former PET that is its own backend."""

    def __init__(self, pet):
        self.pet, self.backend, self.system_conditioning = pet, self, None
        self.defaults = dict(
            num_neighbors_adaptive=None,
            adaptive_cutoff_method=METHOD,
            cutoff_function=FUNCTION,
            cutoff_width_adaptive=pet.cutoff_width,
        )

    def __getattr__(self, name):
        """Anything else is an attribute of the former PET."""
        if name in self.defaults and not hasattr(self.pet, name):
            return self.defaults[name]
        return getattr(self.pet, name)
