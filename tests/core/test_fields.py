"""What people type passes the gate before a form judges it, in every form there is (D-73)."""

import datetime as dt

import pytest
from django import forms
from django.apps import apps
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.test import RequestFactory
from django.urls import get_resolver

from kt_remedy.core.fields import DayField, NumberField, TextField
from kt_remedy.staff.models import User

OURS = ("kt_remedy", "eligibility", "refunds", "rewards")
# Their own `clean_…` functions clean the fields of allauth's forms; a password is taken as it is.
OF_ALLAUTH = {
    "SignInForm.login",
    "SecondFactorForm.code",
    "SecondFactorAgainForm.code",
    "NewSecondFactorForm.code",
    "NewKeyForm.name",
}


def _forms_of(kind: type[forms.BaseForm]) -> set[type[forms.BaseForm]]:
    found = set()
    for form in kind.__subclasses__():
        found |= {form, *_forms_of(form)}
    return found


def _ours() -> list[type[forms.BaseForm]]:
    get_resolver().url_patterns  # noqa: B018  (loads every view, and every form with it)
    return [
        form
        for form in _forms_of(forms.BaseForm)
        if form.__module__.split(".")[0] in OURS and not issubclass(form, forms.BaseModelForm)
    ]


def _raw(name: str, fields: dict[str, forms.Field]) -> list[str]:
    raw = []
    for field_name, field in fields.items():
        plain = type(field) in {forms.CharField, forms.DateField, forms.RegexField, forms.SlugField, forms.EmailField}
        if plain and not isinstance(field.widget, forms.PasswordInput):
            raw.append(f"{name}.{field_name}")
    return raw


def test_no_form_takes_text_past_the_gate() -> None:
    assert len(_ours()) > 30
    assert {field for form in _ours() for field in _raw(form.__name__, form.base_fields)} <= OF_ALLAUTH


def test_no_page_of_the_admin_takes_text_past_the_gate() -> None:
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True, is_active=True)
    raw = []
    for model, page in admin.site._registry.items():
        if page.add_permission or page.change_permission:
            raw += _raw(model.__name__, page.get_form(request).base_fields)
    assert raw == []
    assert apps.ready


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" 홍길\u200b동 ", "홍길동"),
        ("홍길\n동", "홍길동"),
        ("TRAN\u00a0THI  LAN", "TRAN THI LAN"),
        ("안나・마리", "안나·마리"),
        ("\u1112\u1169\u11bc", "홍"),
        ("\0홍", "홍"),
    ],
)
def test_text_is_clean(typed: str, kept: str) -> None:
    assert TextField(max_length=12).clean(typed) == kept


def test_lines_of_a_text_are_kept() -> None:
    assert TextField(widget=forms.Textarea).clean("첫째\u200b\r\n\r\n둘째\u00a0줄\r\n") == "첫째\n\n둘째 줄"


def test_text_of_which_nothing_is_seen_is_missing_and_what_is_not_seen_does_not_count() -> None:
    with pytest.raises(ValidationError) as error:
        TextField().clean("\u200b\u3164")
    assert error.value.code == "required"
    assert error.value.messages == ["이 칸을 적어 주세요."]
    assert TextField(required=False).clean("\u200b") == ""
    assert TextField(max_length=2).clean("홍\u200b\u200b길") == "홍길"


@pytest.mark.parametrize(
    "typed", ["2026-02-03", "20260203", "2026. 2. 3.", "2026년 2월 3일", "２０２６－０２－０３", "\u202a2026‑02‑03"]
)
def test_a_day(typed: str) -> None:
    assert DayField(input_formats=["%Y-%m-%d"]).clean(typed) == dt.date(2026, 2, 3)


@pytest.mark.parametrize("typed", ["2026-02-30", "내일", "120315", "1", "0001-01-01", "9999-12-31"])
def test_no_day_or_more_than_one_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        DayField().clean(typed)


@pytest.mark.parametrize("typed", ["1234567", "1,234,567원", " 1 234 567 ", "₩1,234,567", "１，２３４，５６７원\u200b"])
def test_a_sum(typed: str) -> None:
    assert NumberField().clean(typed) == 1_234_567


@pytest.mark.parametrize("typed", ["12만원", "1.5e3", "x"])
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        NumberField().clean(typed)
