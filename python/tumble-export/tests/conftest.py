"""The exporter's tests need torch, and metatrain or orb-models: `make test-export` installs them."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "fixtures")]
os.environ.setdefault("OMP_NUM_THREADS", "1")
