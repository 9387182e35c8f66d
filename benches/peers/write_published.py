"""Tables of the published sizes: times, memory, differences of forces, and averages."""

from published import MODELS
from ratios import ratio, seconds
from tables import table, three_digits

NOTE = (
    "Each program runs through its calculator for ASE, from positions to energy, forces and (where the cell is "
    "periodic) stress, with new positions each time, as in dynamics, in a process of its own with as many cores as "
    "threads. tumble makes a new neighbor list each time; metatomic and pet-kokkos keep theirs while atoms move "
    "little, as is their default. The weights of XS, S and M are random (`random_pet.py`), of the widths and depths "
    "of the published models: speed and memory depend on these, accuracy is not compared. Not compared either: GPUs, "
    "several processes, batches of structures, and systems larger than these. *torch eager* is metatrain's model in "
    "Python; *TorchScript* is the file of `mtt export`, which most users of metatomic run. torch and pet-kokkos "
    "multiply in float32 as tumble does. pet-kokkos is its wheel for CPUs (OpenMP, OpenBLAS); how fast it is depends "
    "on the machine: for XS and water it took 192 ms on an AMD EPYC, where tumble (c65175d) took 123 ms, and 501 ms on "
    "another Intel Xeon, where tumble (f8a541c) took 121 ms; the rows of S and M are from there. "
    "`torch.compile` is left out of quick runs: for XS on two cores it takes about 140 s before the first result. The "
    "compact PET is tumble's own architecture, which no other program here has. A case is one molecule H2O (3 atoms), "
    "water (192 atoms) or "
    "diamond rattled by 0.05 Å (216 atoms)."
)
TURNED = (
    "The average over 18 rotations (Lebedev's 6 points and 3 turns about each; tumble's `lebedev:3`). *told the "
    "same*: metatomic's `SymmetrizedCalculator(l_max=1, include_inversion=False, batch_size=1)`, which evaluates the "
    "same 18 rotations and, besides, the structure itself. *at its defaults*: 84 rotations and inversions in one "
    "batch. Ratios are per rotation; the time of the structure itself is part of metatomic's. This compares the same "
    "work; for the same remaining error see the averages of the same quality. In "
    "quick runs its defaults are tried for H2O only."
)
KEYS = ["model", "structure", "threads", "rounds"]
CONDITIONS = ("date", "tumble", "cpu", "load", "quick")


def tables(results):
    """Lines of both sections."""
    rows, turned = (ordered(results.get(part, [])) for part in ("published", "turned"))
    if rows:
        yield from ["", "## Published sizes", "", NOTE, "", *times(rows), "", *memory(rows), *apart(rows), *told(rows)]
    if turned:
        yield from ["", "## Published sizes, averaged", "", TURNED, "", *averages(turned), "", *memory(turned)]
        yield from told(turned)


def ordered(rows):
    """Rows in the order of the models; they may have been measured in another one."""
    place = [model.label for model in MODELS.values()].index
    return sorted(rows, key=lambda row: (place(row["model"]), row["atoms"], row["threads"]))


def names(rows, part="times"):
    return list(dict.fromkeys(name for row in rows for name in row[part]))


def labels(row, keys=KEYS):
    return [str(row[key]) for key in keys]


def milliseconds(row, name):
    """Median and minimum; a dash without times."""
    least = min(row["times"].get(name, []), default=None)
    return "–" if least is None else f"{three_digits(seconds(row, name), 1e3)} ({three_digits(least, 1e3)})"


def times(rows):
    """Median, minimum, and ratio to tumble in the same round."""
    others = [name for name in names(rows) if name != "tumble"]
    header = [*KEYS, "tumble: ms (least)", *(f"{name}: ms (least), ratio" for name in others)]
    yield from table(header, [[*labels(row), milliseconds(row, "tumble"), *against(row, others)] for row in rows])


def against(row, others, scale=None):
    """Times of the others, with ratios; `scale` turns ratios of averages into those of one rotation."""
    for name in others:
        found = ratio(row, name, "tumble")
        if found is None:
            yield "–"
        else:
            yield f"{milliseconds(row, name)}, {three_digits(found * (scale(name) if scale else 1))}"


def averages(rows):
    """Times of averages, and ratios per rotation."""
    others = [name for name in names(rows) if name != "tumble"]
    header = [*KEYS, "tumble: ms (least)", *(f"{name}: ms (least), ratio per rotation" for name in others)]
    body = []
    for row in rows:
        first = row["rotations"]["tumble"]
        scaled = against(row, others, lambda name, row=row, first=first: first / row["rotations"][name])
        body.append([*labels(row), milliseconds(row, "tumble"), *scaled])
    yield from table(header, body)


def memory(rows):
    """Peak memory of whole processes, with Python."""
    found = names(rows, "megabytes")
    body = [[*labels(row, KEYS[:3]), *(three_digits(row["megabytes"].get(name)) for name in found)] for row in rows]
    yield from ["Peak memory of the process, with Python, NumPy and ASE, MB:", ""]
    yield from table([*KEYS[:3], *found], body)


def apart(rows):
    """The largest differences of forces."""
    rows = [row for row in rows if len(row["apart"]) > 1]
    if rows:
        most = max(value for row in rows for value in row["apart"].values())
        yield from ["", f"Largest difference of any force from torch eager's: {most:.1e} of the largest force or, if"]
        yield "that is below 1 eV/Å, eV/Å. A row is refused above 2e-5."


def told(rows):
    """The conditions of the rows, which may have been measured separately."""
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in CONDITIONS), []).append(row)
    yield ""
    for (date, tumble, cpu, load, quick), of in groups.items():
        models = ", ".join(dict.fromkeys(row["model"] for row in of))
        rounds = ", ".join(str(number) for number in sorted({row["rounds"] for row in of}))
        how = f"quick: {rounds} rounds of short turns, to be repeated" if quick else f"{rounds} rounds"
        busy = f" **The machine was not quiet: its load was {load} at the start.**" if load > 0.5 else ""
        yield f"- {models}: measured on {date} with tumble {tumble}, on {cpu}; {how}.{busy}"
