"""See to it that a command finds the programs that only Debian brings; say how where they may not be installed.

`debian.py` is for the tests, `debian.py cluster` for the cluster, `debian.py soak` for the soaks.
"""

import os
import shutil
import subprocess
import sys

# A program, and the packages that bring it.
CLUSTER = {
    "/usr/sbin/haproxy": "haproxy",
    "/usr/sbin/pgbouncer": "pgbouncer",
}
TESTS = {
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
# The image is built without a registry: a base of Debian's packages, and buildah on it.
SOAK = TESTS | CLUSTER | {"mmdebstrap": "mmdebstrap", "buildah": "buildah", "runc": "runc"}


def main(purpose: str) -> int:
    """0 when every program for this purpose is there; 1 with one sentence when not."""
    programs = {"tests": TESTS, "cluster": CLUSTER, "soak": SOAK}[purpose]
    missing = " ".join(packages for program, packages in programs.items() if shutil.which(program) is None)
    if not missing:
        return 0
    command = f"apt-get install --yes --no-install-recommends {missing}"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"Installing {missing} for the {purpose} …", file=sys.stderr)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for step in ("apt-get update", command):
            done = subprocess.run(step.split(), env=quiet, check=False, capture_output=True, text=True)
            if done.returncode:
                print(f"`{step}` failed: {done.stderr.strip()}", file=sys.stderr)
                return 1
        return 0
    print(f"Missing for the {purpose}: {missing}. Type: sudo {command}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:] or ["tests"]))
