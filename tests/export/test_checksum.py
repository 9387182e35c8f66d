"""The exporter and the program compute the same checksum."""

import os
import subprocess
from pathlib import Path

import onnx
import pytest
from tumble_export import checksum

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "tests/data/models/pair-list-f64.onnx"


def tumble(*arguments):
    program = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/tumble"
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)


def test_a_changed_model_is_refused_until_its_checksum_is_written_anew(tmp_path):
    path = tmp_path / "m.onnx"
    model = onnx.load(MODEL)
    entry = next(entry for entry in model.metadata_props if entry.key == "tumble")
    entry.value = entry.value.replace('"pair"', '"mine"')
    onnx.save(model, path)
    assert f"the model {path} is damaged: its stored checksum is " in tumble("info", path).stderr
    checksum.stamp(path)
    found = tumble("info", path)
    assert "name                mine\n" in found.stdout and "note" not in found.stdout
    ours = path.read_bytes()
    assert tumble("checksum", path).returncode == 0 and path.read_bytes() == ours
    entry = [entry for entry in onnx.load(path).metadata_props if entry.key == "tumble_checksum"]
    assert len(entry) == 1 and ours.endswith(entry[0].value.encode())


def test_a_model_without_a_checksum_brings_a_note(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(MODEL.read_bytes()[:-85])
    note = f"the model stores no checksum, so a damaged file would go unnoticed: add one by `tumble checksum {path}`"
    assert note in tumble("info", path).stdout
    assert tumble("checksum", path).stdout == f"{path}: checksum {checksum.stamp(path)}\n"
    assert path.read_bytes() == MODEL.read_bytes()


@pytest.mark.parametrize("data", [b"text", b"\x3a\xff\x01", b"\x0b", b"\x3a"])
def test_files_of_other_formats_are_refused(tmp_path, data):
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    with pytest.raises(SystemExit, match="the file is no ONNX model"):
        checksum.stamp(path)
    assert path.read_bytes() == data
