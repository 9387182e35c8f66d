"""Changes the address of the repository in all files: python scripts/address.py URL (or `make address URL=...`).

`repository` in Cargo.toml defines it. Files cannot include one another, so others repeat the address, or continue it
(URL/issues, URL/tree/main/docs): this changes every file that git tracks. tests/docs/test_address.py compares them.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def defined():
    """The address in Cargo.toml."""
    return re.search(r'^repository = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]


def replaced(text, old, new):
    """The text with another address; a longer name that begins alike, such as URL-models, is left alone."""
    return re.sub(rf"{re.escape(old)}(?![\w-])", lambda _: new, text)


def main(url):
    if not re.fullmatch(r"https://[^\s/]+/\S*[^\s/]", url):
        sys.exit(f'the address "{url}" is not of the form https://HOST/PATH, without a slash at the end')
    old = defined()
    found = subprocess.run(["git", "grep", "-IlF", old], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for path in (ROOT / name for name in found.splitlines()):
        path.write_text(replaced(path.read_text(), old, url))
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
