"""Imports only run downwards: the contract in pyproject.toml holds, and names every room."""

import subprocess
import sys
import tomllib
from pathlib import Path

from tests.conftest import ROOT


def test_the_layers_hold():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_room_has_its_layer():
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    named = {name.strip() for layer in contract["layers"] for name in layer.split("|")}
    rooms = {f"kt_remedy.{path.parent.name}" for path in ROOT.glob("kt_remedy/*/apps.py")}
    rooms |= {path.parent.name for path in ROOT.glob("*/apps.py")}
    assert rooms <= named
