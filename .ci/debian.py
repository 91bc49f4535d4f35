"""See to it that the tests find the programs that only Debian brings; say how where they may not be installed."""

import os
import shutil
import subprocess
import sys

# A program, and the packages that bring it.
PROGRAMS = {
    os.environ.get("CHROMIUM", "/usr/bin/chromium"): "chromium fonts-noto-cjk",
    "age": "age",
    "java": "default-jre-headless",
    "promtool": "prometheus",
    "curl": "curl",
    "openssl": "openssl",
    "ps": "procps",
    "/usr/sbin/pgbouncer": "pgbouncer",
    "redis-server": "redis-server",  # Valkey's wheel speaks no TLS
}


def main() -> int:
    """0 when every program is there; 1 with one sentence when not."""
    missing = " ".join(packages for program, packages in PROGRAMS.items() if shutil.which(program) is None)
    if not missing:
        return 0
    command = f"apt-get install --yes --no-install-recommends {missing}"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"Installing {missing} for the tests …", file=sys.stderr)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for step in ("apt-get update", command):
            done = subprocess.run(step.split(), env=quiet, check=False, capture_output=True, text=True)
            if done.returncode:
                print(f"`{step}` failed: {done.stderr.strip()}", file=sys.stderr)
                return 1
        return 0
    print(f"The tests need {missing}. Type: sudo {command}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
