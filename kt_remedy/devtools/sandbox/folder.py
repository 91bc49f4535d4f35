"""The folder of the stand-ins' state, and the people of the sample register that they know."""

import json
import os
from pathlib import Path

_DELIVERIES = Path(os.environ.get("DELIVERIES_DIR") or Path(__file__).resolve().parents[3] / ".local" / "deliveries")


def home() -> Path:
    """The folder of the stand-ins (SANDBOX_DIR, else beside the sample deliveries); created when it is not there."""
    folder = Path(os.environ.get("SANDBOX_DIR") or _DELIVERIES.parent / "sandbox")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def people() -> list[dict]:
    """The named cast of the sample deliveries; none before the sample is written."""
    try:
        return json.loads((_DELIVERIES / "people.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
