"""Published models by name: through the package upet, from a cache of huggingface_hub; there is no network here."""

import sys

import huggingface_hub
import pytest
import upet
from files import metadata, refusal
from small import checkpoint
from upet import _models

from tumble_export.command import main
from tumble_export.metatrain import published

FILES = ["pet-mad-s-v1.0.2.ckpt", "pet-mad-s-v1.5.0.ckpt", "pet-mad-s-v1.10.0.ckpt", "pet-omat-xs-v1.0.0.ckpt"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache; no network."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    _models._get_upet_repo_files.cache_clear()
    yield tmp_path / "hub" / "models--lab-cosmo--upet"
    _models._get_upet_repo_files.cache_clear()


@pytest.fixture
def online(monkeypatch):
    """The server's list of files."""
    listed = ["README.md", *(f"models/{name}" for name in FILES)]
    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", lambda self, repo: listed)


def put(cache, name, **hypers):
    """A small checkpoint in the cache, as huggingface_hub stores it: a link to a blob; the commit of `main`."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    blob = checkpoint(cache / "blobs" / name, **hypers)
    place = cache / "snapshots" / commit / "models" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(blob)
    (cache / "refs").mkdir(exist_ok=True)
    (cache / "refs" / "main").write_text(commit)
    return place


def export(name, out):
    main(["pet", name, "-o", str(out), "--quick"])
    return metadata(out)


def test_a_name_takes_the_newest_version(cache, online, tmp_path):
    put(cache, "pet-mad-s-v1.10.0.ckpt")
    made = export("pet-mad-s", tmp_path / "m.onnx")
    assert made["name"] == "pet-mad-s"
    found = made["provenance"]
    assert (found["published"], found["published_version"], found["upet"]) == ("pet-mad-s", "1.10.0", upet.__version__)


@pytest.mark.parametrize("name", ["pet-mad-s@1.5.0", "pet-mad-s@v1.5.0", "pet-mad-s-v1.5.0"])
def test_a_version_in_the_cache_needs_no_network(cache, name):
    place = put(cache, "pet-mad-s-v1.5.0.ckpt")
    path, origin = published.fetch(name)
    assert path == str(place)
    assert (origin["published"], origin["published_version"]) == ("pet-mad-s", "1.5.0")


def test_without_a_network_a_name_takes_the_newest_version_in_the_cache(cache, capsys):
    put(cache, "pet-mad-s-v1.0.2.ckpt")
    put(cache, "pet-mad-s-v1.5.0.ckpt")
    put(cache, "pet-omat-xs-v1.0.0.ckpt")
    assert published.fetch("pet-mad-s")[1]["published_version"] == "1.5.0"
    assert "warning: the list of published models cannot be read from" in capsys.readouterr().err


def test_a_checkpoint_that_is_not_in_the_cache_is_downloaded(online, monkeypatch, tmp_path):
    asked = []

    def download(repo_id, filename, subfolder):
        asked.append((repo_id, subfolder, filename))
        return str(tmp_path / filename)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert published.fetch("pet-omat-xs")[0] == str(tmp_path / "pet-omat-xs-v1.0.0.ckpt")
    assert asked == [("lab-cosmo/upet", "models", "pet-omat-xs-v1.0.0.ckpt")]


def test_a_file_is_not_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pet-mad-s").write_text("")
    assert not published.is_name("pet-mad-s")
    assert not published.is_name("there/pet-mad-s") and not published.is_name("pet-mad-s.ckpt")
    assert published.is_name("pet-mad-xs")


class TestRefusals:
    def test_an_unknown_name(self, online):
        expected = "'{}' is no file and no published model: give a checkpoint FILE or one of pet-mad-s, pet-omat-xs."
        for name in ("pet-mad-q", "pet-none-s", "model"):
            assert refusal("pet", name, "-o", "m.onnx") == expected.format(name)

    def test_an_unknown_version(self, online):
        assert refusal("pet", "pet-mad-s@9.9.9", "-o", "m.onnx") == (
            "pet-mad-s was not published in version 9.9.9: write pet-mad-s@VERSION with one of 1.0.2, 1.5.0, 1.10.0."
        )

    def test_an_unknown_name_without_a_network(self):
        said = refusal("pet", "pet-mad-q", "-o", "m.onnx")
        assert said.startswith("'pet-mad-q' is no file and no published model: give a checkpoint FILE or one of pet-")
        assert "pet-mad-xs" in said

    def test_no_network_and_no_cache(self, cache):
        said = refusal("pet", "pet-mad-s", "-o", "m.onnx")
        assert said.startswith(f"pet-mad-s is not in the cache {cache} (empty), and the list of published models")
        assert said.endswith("connect to the network, or give a checkpoint FILE.")
        put(cache, "pet-omat-xs-v1.0.0.ckpt")
        said = refusal("pet", "pet-mad-s", "-o", "m.onnx")
        assert said.startswith(f"pet-mad-s is not in the cache {cache} (pet-omat-xs@1.0.0), and")

    def test_a_failed_download(self, online):
        said = refusal("pet", "pet-omat-xs", "-o", "m.onnx")
        assert said.startswith("pet-omat-xs-v1.0.0.ckpt cannot be fetched from huggingface.co/lab-cosmo/upet (")
        assert said.endswith("): connect to the network, or give a checkpoint FILE.")

    def test_upet_is_missing(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "upet", None)
        said = refusal("pet", "pet-mad-s", "-o", "m.onnx")
        assert said.startswith(
            "there is no file pet-mad-s, and models are fetched by name with the package upet, which"
        )
        assert said.endswith("pip install upet, or give a checkpoint FILE.")
