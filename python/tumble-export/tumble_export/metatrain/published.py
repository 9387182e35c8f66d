"""Checkpoints of published models by name, fetched and cached by the package upet."""

import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

from ..versions import warn

REPOSITORY, FOLDER = "lab-cosmo/upet", "models"
ADVICE = "pip install upet"
NAME = re.compile(r"(?P<model>pet-\w+)-(?P<size>xs|s|m|l|xl)((?:@v?|-v)(?P<version>\d+\.\d+\.\d+))?")
FILE = re.compile(NAME.pattern + r"\.ckpt")


@dataclass(frozen=True)
class Published:
    """A checkpoint as upet names it: "pet-mad", "s", "1.5.0"."""

    model: str
    size: str
    version: str

    @property
    def name(self):
        return f"{self.model}-{self.size}"

    @property
    def file(self):
        return f"{self.name}-v{self.version}.ckpt"


def is_name(place):
    """Whether a place is the name of a model, and not a file."""
    place = str(place)
    return not os.path.exists(place) and not place.endswith((".ckpt", ".pt")) and "/" not in place


def fetch(place):
    """The path of a published checkpoint in upet's cache, downloaded if it is not there, and its name and version."""
    package = installed(place)
    wanted = NAME.fullmatch(place)
    if wanted is None:
        raise SystemExit(unknown(place, known_names(package)))
    found = Published(wanted["model"], wanted["size"], wanted["version"])
    if found not in cached():
        found = choose(place, wanted, listed(package))
    return download(found), dict(published=found.name, published_version=found.version, upet=package.__version__)


def installed(place):
    """The package upet; refused if it is missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import upet
    except ImportError as error:
        raise SystemExit(
            f"there is no file {place}, and models are fetched by name with the package upet, which cannot be "
            f"imported ({error}): {ADVICE}, or give a checkpoint FILE."
        ) from error
    return upet


def listed(package):
    """All published checkpoints, by upet; without a network those in its cache."""
    try:
        found = package.list_upet(print_summary=False)
    except Exception as error:  # of the network or the server: many kinds
        return Cached(error)
    return [Published(entry["model"], entry["size"], str(entry["version"])) for entry in found]


class Cached(list):
    """The checkpoints in the cache of huggingface_hub, and the reason why there is no other list."""

    def __init__(self, reason):
        super().__init__(sorted(cached(), key=lambda found: found.file))
        self.reason = reason


def cache():
    """The folder of upet's repository in the cache of huggingface_hub."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{REPOSITORY.replace('/', '--')}"


def cached():
    """The checkpoints in the cache."""
    names = {path.name for path in cache().glob(f"snapshots/*/{FOLDER}/*.ckpt")}
    found = [FILE.fullmatch(name) for name in names]
    return [Published(m["model"], m["size"], m["version"]) for m in found if m and m["version"]]


def choose(place, wanted, published):
    """The wanted version of a model, or its newest one."""
    same = [p for p in published if (p.model, p.size) == (wanted["model"], wanted["size"])]
    versions = sorted({p.version for p in same}, key=number)
    if wanted["version"] in (None, *versions) and versions:
        if isinstance(published, Cached):
            warn(f"{unread(published)}: the newest {same[0].name} in the cache is taken.")
        return Published(wanted["model"], wanted["size"], wanted["version"] or versions[-1])
    if isinstance(published, Cached):
        raise SystemExit(offline(place, published))
    if not versions:
        raise SystemExit(unknown(place, sorted({p.name for p in published})))
    raise SystemExit(
        f"{same[0].name} was not published in version {wanted['version']}: write {same[0].name}@VERSION with one of "
        f"{', '.join(versions)}."
    )


def number(version):
    """A version as numbers, to compare."""
    return tuple(int(part) for part in version.split("."))


def unknown(place, names):
    """The sentence for a name that was not published."""
    return f"'{place}' is no file and no published model: give a checkpoint FILE or one of {', '.join(names)}."


def known_names(package):
    """Names that upet knows: as published, or without a network those in the package."""
    found = listed(package)
    if found and not isinstance(found, Cached):
        return sorted({p.name for p in found})
    try:
        from upet._version import UPET_AVAILABLE_MODELS
    except ImportError:
        return sorted({p.name for p in found}) or ["the names at https://huggingface.co/lab-cosmo/upet"]
    return list(UPET_AVAILABLE_MODELS)


def offline(place, found):
    """The sentence for a checkpoint that is not in the cache, without a network."""
    there = ", ".join(f"{p.name}@{p.version}" for p in found) or "empty"
    return (
        f"{place} is not in the cache {cache()} ({there}), and {unread(found)}: connect to the network, or give a "
        "checkpoint FILE."
    )


def unread(found):
    """Why the list of published models is missing."""
    return f"the list of published models cannot be read from huggingface.co/{REPOSITORY} ({first_line(found.reason)})"


def first_line(error):
    """The first line of an error, or its type."""
    return str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__


def download(found):
    """The path of a checkpoint in the cache."""
    from huggingface_hub import hf_hub_download

    print(f"{found.name} {found.version}: {found.file} of huggingface.co/{REPOSITORY}")
    try:
        return hf_hub_download(repo_id=REPOSITORY, filename=found.file, subfolder=FOLDER)
    except Exception as error:  # of the network, the server or the disk: many kinds
        raise SystemExit(
            f"{found.file} cannot be fetched from huggingface.co/{REPOSITORY} ({first_line(error)}): connect to the "
            "network, or give a checkpoint FILE."
        ) from error
