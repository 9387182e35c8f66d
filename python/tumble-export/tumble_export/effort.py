"""How much of a file is checked before it is written."""

from dataclasses import dataclass

QUICK = 6  # atoms of the largest structure
LARGE = 150e6  # weights of a model that is compared and measured on fewer atoms


@dataclass
class Effort:
    """`atoms`: of the largest built-in structure, None by the number of weights; `quick`: least proof, no reach."""

    atoms: int | None = None
    quick: bool = False

    def __post_init__(self):
        if self.atoms is not None and self.atoms < 1:
            raise SystemExit(f"--check-atoms is {self.atoms}: give a number of atoms, 1 or more.")
        if self.quick and self.atoms is not None:
            raise SystemExit(f"--quick compares structures of 1 to {QUICK} atoms: leave out --check-atoms, or --quick.")

    def largest(self, adapter):
        """Atoms of the largest built-in structure for a model."""
        if self.quick:
            return QUICK
        return self.atoms or (48 if large(adapter) else 192)

    def measured(self, adapter):
        """Atoms of the structures whose memory is compared: with fewer, the slope is up to a third too large."""
        return (48, 192) if large(adapter) else (192, 384, 768)

    def described(self, tested):
        """What is proved, for the user."""
        largest = max(len(s.numbers) for s in tested)
        return f"prove: {len(tested)} structures of up to {largest} atoms" + (" (--quick)" if self.quick else "")

    def record(self, tested, reach):
        """The entry `checked` of the provenance; `reach`: "measured" or "claimed"."""
        found = dict(structures=len(tested), largest=max(len(s.numbers) for s in tested), reach=reach)
        return found | (dict(quick=True) if self.quick else {})


def large(adapter):
    """Whether a model has so many weights that time and memory are short."""
    return sum(tensor.numel() for tensor in adapter.tensors()) > LARGE
