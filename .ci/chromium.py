"""See to it that the browser tests find Debian's Chromium; where it may not be installed, say how to."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

COMMAND = "apt-get install --yes --no-install-recommends chromium fonts-noto-cjk"


def main() -> int:
    """0 when there is a Chromium; 1 with one sentence when not."""
    if Path(os.environ.get("CHROMIUM", "/usr/bin/chromium")).exists():
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium for the browser tests …", file=sys.stderr)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in ("apt-get update", COMMAND):
            done = subprocess.run(command.split(), env=quiet, check=False, capture_output=True, text=True)
            if done.returncode:
                print(f"`{command}` failed: {done.stderr.strip()}", file=sys.stderr)
                return 1
        return 0
    print(
        f"The browser tests need Chromium. Type: sudo {COMMAND}   (or set CHROMIUM to the path of one)",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
