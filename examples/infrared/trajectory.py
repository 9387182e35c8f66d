"""One trajectory by i-PI and `tumble ipi`: trajectory.py MODEL bare|averaged SEED STEPS FOLDER, unless it is done."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TUMBLE = os.environ.get("TUMBLE", HERE.parents[1] / "target/release/tumble")
OPTIONS = {"bare": [], "averaged": ["--rotate", "octahedral", "--inversion"]}


def prepare(folder, seed, steps, address):
    """The inputs of i-PI."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(HERE / "h2o.xyz", folder)
    text = (HERE / "input.xml").read_text()
    for name, value in (("STEPS", steps), ("SEED", seed), ("ADDRESS", address)):
        text = text.replace(name, str(value))
    (folder / "input.xml").write_text(text)


def run(model, options, folder, address):
    """i-PI and its client, to the end; an error if one of them fails."""
    ipi = shutil.which("i-pi", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if ipi is None:
        raise SystemExit("i-pi is not there: python3 -m pip install ipi")
    with open(folder / "ipi.log", "w") as log:
        server = subprocess.Popen([ipi, "input.xml"], cwd=folder, stdout=log, stderr=log)
        command = [TUMBLE, "ipi", model, "--template", "h2o.xyz", "--unix", address, *options]
        client = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, text=True)
        if client.returncode:
            server.kill()
            raise SystemExit(client.stderr)
        if server.wait():
            raise SystemExit(f"i-PI failed: see {folder}/ipi.log")


def main():
    model, case, seed, steps, folder = sys.argv[1:]
    folder = Path(folder)
    if (folder / "done").exists():
        return
    address = f"infrared-{os.getpid()}"
    prepare(folder, int(seed), steps, address)
    run(model, OPTIONS[case], folder, address)
    (folder / "done").touch()


if __name__ == "__main__":
    main()
