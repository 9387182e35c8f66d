"""The file that i-PI loads for <ffdirect> with <pes> custom </pes>; `tumble.ipi` describes the parameters."""

from tumble.ipi import for_ipi  # noqa: F401

# i-PI calls what has this name with the parameters.
__DRIVER_NAME__ = "tumble"
__DRIVER_CLASS__ = "for_ipi"
