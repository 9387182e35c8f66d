"""`test_pet.py` and what follows it need torch and metatrain: `make test-export` installs them."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "fixtures")]
os.environ.setdefault("OMP_NUM_THREADS", "1")
