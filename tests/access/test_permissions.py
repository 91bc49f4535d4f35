"""Permissions are data: the registry, the backend that reads it, and the page that lists them for people."""

import re

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.core.exceptions import ImproperlyConfigured
from django.template import RequestContext, Template
from django.test import RequestFactory

from kt_remedy.audit.admin import RoleAdmin
from kt_remedy.audit.site import RoleSite
from kt_remedy.content.models import Entry
from kt_remedy.core import access
from kt_remedy.core.access import registry
from kt_remedy.staff.roles import ROLES
from tests.conftest import ROOT
from tests.sessions import staff_user

ROW = re.compile(r"^\| `([a-z._]+)` \| ([a-z_, ]+) \| (.+) \|$", re.M)


@pytest.fixture
def empty_registry(monkeypatch):
    monkeypatch.setattr(registry, "_permissions", {})


def test_the_page_for_people_lists_every_permission_with_its_roles():
    listed = {
        code: frozenset(ROLES if roles == "all" else roles.split(", "))
        for code, roles, _words in ROW.findall((ROOT / "docs/permissions.md").read_text(encoding="utf-8"))
    }
    assert listed == access.permissions()


@pytest.mark.django_db
@pytest.mark.parametrize("role", ROLES)
def test_an_account_holds_what_its_role_holds_and_no_more(role):
    user = staff_user(role)
    permissions_held = {code for code in access.permissions() if user.has_perm(code)}
    assert permissions_held == {code for code, roles in access.permissions().items() if role in roles}
    user.is_active = False
    assert not any(user.has_perm(code) for code in access.permissions())


@pytest.mark.django_db
def test_a_grant_in_the_tables_of_django_counts_for_nothing(django_assert_num_queries):
    user = staff_user("clerk")
    user.user_permissions.set(Permission.objects.all())
    with django_assert_num_queries(0):
        assert not user.has_perm("staff.view_user")
        assert not user.has_perm("staff.change_user")


@pytest.mark.django_db
@pytest.mark.parametrize("user", [AnonymousUser(), "administrator"])
def test_an_unregistered_code_is_an_error_for_everybody(user):
    account = staff_user(user) if isinstance(user, str) else user
    with pytest.raises(LookupError, match="is not registered"):
        account.has_perm("staff.chnage_user")


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "shown"), [("reviewer", "yes"), ("maker", "")])
def test_templates_ask_the_same_registry(role, shown):
    request = RequestFactory().get("/")
    request.user = staff_user(role)
    template = Template("{% if perms.refunds.review_application %}yes{% endif %}")
    assert template.render(RequestContext(request)) == shown


@pytest.mark.usefixtures("empty_registry")
@pytest.mark.parametrize(
    "permissions",
    [{"payouts.freeze_batch": ()}, {"payouts.freeze_batch": "maker"}, {"freeze": ("maker",)}, {"a.b": ("maker",)}],
    ids=["no role", "a word for a list", "no application", "no verb and noun"],
)
def test_a_malformed_permission_is_not_registered(permissions):
    with pytest.raises(ValueError, match="permission"):
        access.register(permissions)
    assert access.permissions() == {}


@pytest.mark.usefixtures("empty_registry")
def test_nobody_takes_the_code_of_another_application():
    access.register({"payouts.freeze_batch": ("maker",)})
    with pytest.raises(ValueError, match="registered twice"):
        access.register({"payouts.freeze_batch": ("clerk",)})
    assert access.roles_of("payouts.freeze_batch") == {"maker"}


@pytest.mark.usefixtures("empty_registry")
def test_a_misspelt_role_stops_the_start():
    access.register({"payouts.approve_batch": ("chequer",)})
    with pytest.raises(ValueError, match="chequer"):
        access.check_roles()


def test_an_admin_page_without_a_permission_is_not_registered():
    class Silent(RoleAdmin):
        pass

    class Misspelt(RoleAdmin):
        view_permission = "content.view_entry"
        add_permission = "content.add_entyr"

    for page in (Silent, Misspelt):
        with pytest.raises(LookupError):
            RoleSite().register(Entry, page)
    with pytest.raises(ImproperlyConfigured):
        RoleSite().register(Entry)
