"""An administrator invited from the shell: one code, once, for one person, until two administrators have signed in."""

import datetime as dt
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from kt_remedy.audit.models import AuditEntry
from kt_remedy.staff import invitations, rights, service
from kt_remedy.staff.models import Invitation, RightsRequest, Store, User
from kt_remedy.staff.passwords import ContextWords
from tests.sessions import as_staff, staff_user, two_administrators

pytestmark = pytest.mark.django_db

PAGE = reverse("staff-invitation")
PASSWORD = "sea-lamp-river-42"
WRONG = "아이디나 초대 코드가 맞지 않습니다"


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    """Argon2 is slow on purpose; these tests are not about it."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def invited(username: str = "first", name: str = "조은별") -> str:
    """Return the code that the command prints."""
    out = StringIO()
    call_command("invite_administrator", username, name, stdout=out)
    return next(line.strip() for line in out.getvalue().splitlines() if line.startswith("    "))


def set_password(code: str, username: str = "first", *, password: str = PASSWORD, again: str = "", client=None):
    data = {"username": username, "code": code, "password1": password, "password2": again or password}
    return (client or Client()).post(PAGE, data)


def test_the_code_is_long_said_in_groups_and_kept_only_as_an_index():
    code = invited()
    groups = code.split("-")
    assert [len(group) for group in groups] == [4] * 5
    assert set("".join(groups)) <= set(invitations._ALPHABET)
    assert len(invitations._ALPHABET) ** 20 >= 2**80
    user = User.objects.get()
    assert (user.roles, user.is_staff, user.has_usable_password()) == (["administrator"], True, False)
    invitation = Invitation.objects.get()
    for stored in (bytes(invitation.code_index), str(list(AuditEntry.objects.values())).encode()):
        assert code.encode() not in stored
        assert code.replace("-", "").encode() not in stored


def test_the_invited_person_sets_a_password_once():
    code = invited()
    client = Client()
    answer = set_password(code, client=client)
    assert (answer.status_code, answer["Location"]) == (302, reverse("account_login"))
    user = User.objects.get()
    assert user.check_password(PASSWORD)
    assert "_auth_user_id" not in client.session, "signing in comes after"
    again = set_password(code, password="another-long-one-7")
    assert again.status_code == 422
    assert WRONG in again.content.decode()
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    entries = AuditEntry.objects.filter(object=f"user:{user.pk}").order_by("id")
    assert [(entry.action, entry.actor) for entry in entries] == [
        ("staff.invited", "system"),
        ("staff.invitation_accepted", f"staff:{user.pk}"),
    ]


def test_a_code_read_aloud_is_understood():
    code = invited()
    heard = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert set_password(f" {heard} ").status_code == 302


def test_a_wrong_name_and_a_wrong_code_get_the_same_answer():
    code = invited()
    pages = [set_password(code, "second"), set_password("0000-0000-0000-0000-0000"), set_password("가")]
    assert {page.status_code for page in pages} == {422}
    errors = {tuple(page.context["form"].non_field_errors()) for page in pages}
    assert len(errors) == 1
    assert all(set(page.context["form"].errors) == {"__all__"} for page in pages)
    assert not User.objects.get().has_usable_password()


def test_a_wrong_code_does_not_say_whether_the_password_would_do():
    invited()
    answer = set_password("0000-0000-0000-0000-0000", password="short")
    assert set(answer.context["form"].errors) == {"__all__"}


@pytest.mark.parametrize("password", ["short", "123456789012", "first-first-first"])
def test_a_weak_password_leaves_the_code_for_another_try(password):
    code = invited()
    User.objects.update(username="first-first-first")
    answer = set_password(code, "first-first-first", password=password)
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {"password1"}
    assert set_password(code, "first-first-first").status_code == 302


def test_two_different_passwords_are_not_taken():
    answer = set_password(invited(), again="sea-lamp-river-43")
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {"password2"}


def test_tries_are_limited_for_a_name_from_everywhere():
    code = invited()
    for number in range(5):
        client = Client(REMOTE_ADDR=f"203.0.113.{number}")
        assert set_password("0000-0000-0000-0000-0000", client=client).status_code == 422
    assert set_password(code, client=Client(REMOTE_ADDR="203.0.113.9")).status_code == 429
    assert not User.objects.get().has_usable_password()


def test_tries_are_limited_for_an_address_over_all_names():
    code = invited()
    for number in range(20):
        assert set_password(code, f"name-{number}").status_code == 422
    assert set_password(code).status_code == 429
    assert set_password(code, client=Client(REMOTE_ADDR="203.0.113.9")).status_code == 302


def test_an_old_code_says_how_to_get_a_new_one_and_the_command_gives_it():
    old = invited()
    ends = Invitation.objects.get().ends_at - dt.datetime.now(dt.UTC)
    assert dt.timedelta(hours=71, minutes=59) < ends <= dt.timedelta(hours=72)
    Invitation.objects.update(ends_at=dt.datetime.now(dt.UTC))
    assert "새 코드를 만들어 달라고" in set_password(old).content.decode()
    new = invited()
    assert User.objects.count() == 1
    assert WRONG in set_password(old).content.decode()
    assert set_password(new).status_code == 302


def test_a_new_code_voids_the_password_that_was_set_with_the_old_one():
    set_password(invited())
    invited()
    assert not User.objects.get().has_usable_password()


def test_a_leaver_sets_no_password():
    code = invited()
    user = User.objects.get()
    service.dismiss(by=staff_user("administrator", username="other"), user=user, reason="left")
    assert not Invitation.objects.exists()
    assert WRONG in set_password(code).content.decode()


def test_the_second_invitation_is_for_somebody_else():
    invited()
    with pytest.raises(CommandError, match="조 은별 is an administrator already"):
        invited("second", "조 은별")
    with pytest.raises(CommandError, match="The user name first is taken"):
        invited("first", "서하람")
    assert User.objects.count() == 1
    invited("second", "서하람")
    assert User.objects.count() == 2


def test_an_administrator_who_signed_in_gets_no_code():
    invited()
    service.record_second_factor(User.objects.get())
    with pytest.raises(CommandError, match="The user name first is taken"):
        invited()


def test_no_code_is_made_for_an_account_of_another_kind():
    staff_user("maker", username="payer")
    with pytest.raises(CommandError, match="The user name payer is taken"):
        invited("payer", "")


@pytest.mark.parametrize(
    ("username", "name", "sentence"), [("one two", "서하람", "valid username"), ("second", " ", "Give the name")]
)
def test_a_name_that_cannot_be_one_is_refused(username, name, sentence):
    with pytest.raises(CommandError, match=sentence):
        invited(username, name)
    assert not User.objects.exists()


def test_the_shell_invites_nobody_once_two_have_signed_in():
    code = invited("third", "남기태")
    first, second = two_administrators()
    with pytest.raises(CommandError, match="Two administrators have signed in already"):
        invited("fourth", "유성민")
    ended = set_password(code, "third")
    assert "관리자 두 명이 이미 있어" in ended.content.decode()
    assert not User.objects.get(username="third").has_usable_password()
    service.dismiss(by=first, user=second, reason="left")
    assert service.count_administrators() == 1
    invited("fourth", "유성민")


def test_two_accounts_of_one_person_are_one_administrator():
    first, second = two_administrators()
    User.objects.filter(pk=second.pk).update(person_index=first.person_index)
    assert service.count_administrators() == 1


def test_the_person_of_one_administrator_is_refused_as_the_other():
    first, second = two_administrators()
    User.objects.update(person_index=None, first_name="강새봄")
    service.record_person(user=first, person_index=b"1" * 32, name="강새봄")
    with pytest.raises(service.SamePerson):
        service.record_person(user=second, person_index=b"1" * 32, name="강새봄")
    second.refresh_from_db()
    assert second.person_index is None
    service.record_person(user=second, person_index=b"2" * 32, name="강새봄")


def alone() -> User:
    """Return the only administrator who has signed in with the second factor."""
    user = staff_user("administrator")
    service.record_second_factor(user)
    return user


def test_one_administrator_alone_can_ask_for_nothing():
    by, clerk = alone(), staff_user("clerk")
    for values in (
        {"kind": "CHANGE", "user": staff_user("auditor"), "roles": ["maker"]},
        {"kind": "HIRE", "username": "new", "name": "강새봄"},
        {"kind": "CHANGE", "user": clerk, "roles": ["clerk"], "store": Store.objects.create(code="S-2", name="다른점")},
    ):
        with pytest.raises(service.TooFewAdministrators):
            rights.ask(by=by, reason="new duty", **values)
    assert not RightsRequest.objects.exists()


@pytest.mark.parametrize("missing", [{"second_factor_at": None}, {"person_index": None}, {"is_active": False}])
def test_an_administrator_who_never_signed_in_or_is_not_proven_does_not_count(missing):
    first, second = two_administrators()
    User.objects.filter(pk=second.pk).update(**missing)
    with pytest.raises(service.TooFewAdministrators):
        rights.ask(by=first, kind="CHANGE", user=staff_user("auditor"), roles=["maker"], reason="moved")


def test_one_administrator_alone_may_take_rights_away():
    user = staff_user("maker")
    service.revoke(by=alone(), user=user, roles=[], reason="moved")
    assert user.roles == []


def test_the_admin_says_what_to_do_where_a_second_administrator_is_missing():
    client, user = as_staff(Client(), alone()), staff_user("auditor")
    new = {"username": "new", "name": "강새봄", "reason": "hired"}
    changed = {"roles": ["maker"], "reason": "new duty"}
    act = reverse("admin:staff_user_act", args=["change"]) + f"?ids={user.pk}"
    for address, data in ((reverse("admin:staff_user_add"), new), (act, changed)):
        page = client.post(address, data, follow=True).content.decode()
        assert "invite_administrator로 다른 관리자를 초대" in page
    user.refresh_from_db()
    assert user.roles == ["auditor"]
    assert not User.objects.filter(username="new").exists()
    client.post(act, {"roles": [], "reason": "moved"})
    user.refresh_from_db()
    assert user.roles == []


def test_createsuperuser_names_the_command_to_use():
    with pytest.raises(CommandError, match="invite_administrator USERNAME NAME"):
        call_command("createsuperuser")


def test_the_sign_in_page_leads_to_the_invitation():
    assert f'href="{PAGE}"' in Client().get(reverse("account_login")).content.decode()
    assert 'href="/staff/login/"' in Client().get(PAGE).content.decode()


def test_the_page_is_there_in_english():
    client = Client()
    page = client.get(PAGE, headers={"Accept-Language": "en"}).content.decode()
    assert "Set your password" in page
    assert "Invitation code" in page


@pytest.mark.parametrize(
    ("password", "taken"),
    [
        ("kt-refund-2026!", False),
        ("KTportal-0000001", False),
        ("kt 아침마다 커피 두 잔을", True),
        ("correct horse battery", True),
    ],
)
def test_a_password_is_not_built_on_the_words_of_the_service(password: str, taken: bool) -> None:
    if taken:
        ContextWords().validate(password)
        return
    with pytest.raises(ValidationError):
        ContextWords().validate(password)
