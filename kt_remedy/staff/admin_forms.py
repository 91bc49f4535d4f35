"""The acts on accounts of staff and their forms: what each does, to whom, and what the page says first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from kt_remedy.core.fields import TextField
from kt_remedy.staff import rights, service
from kt_remedy.staff.models import RightsRequest, Store, User
from kt_remedy.staff.roles import ROLE_LABELS
from kt_remedy.staff.store_field import StoreField

_ASKED = _("요청했습니다. 다른 관리자의 승인을 기다립니다.")


class ReasonForm(forms.Form):
    reason = TextField(
        label=_("이유"),
        help_text=_("왜 바꾸는지 적어 주세요. 기록에 남습니다."),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=500,
        error_messages={"required": _("이유를 적어 주세요.")},
    )


class RolesForm(ReasonForm):
    field_order = ("username", "name", "roles", "store", "reason")
    roles = forms.MultipleChoiceField(
        label=_("역할"), choices=list(ROLE_LABELS.items()), widget=forms.CheckboxSelectMultiple, required=False
    )
    store = StoreField(label=_("매장"), required=False, help_text=_("이름이나 번호 일부"))


class NameForm(ReasonForm):
    field_order = ("username", "name", "roles", "store", "reason")
    name = TextField(
        label=_("이름"),
        max_length=60,
        help_text=_("휴대폰에 가입된 이름 그대로. 본인 확인으로 이 이름을 맞추어 봅니다."),
        error_messages={"required": _("이름을 적어 주세요.")},
    )


class HireForm(NameForm, RolesForm):
    username = TextField(label=_("아이디"), max_length=150, error_messages={"required": _("아이디를 적어 주세요.")})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].help_text = _("왜 만드는지 적어 주세요. 기록에 남습니다.")


@dataclass(frozen=True)
class Act:
    """One act: its title and explanation, its form, the accounts it fits, and what does it or asks for it."""

    title: Any
    text: Any
    do: Callable[..., Any]
    form: type[forms.Form] = ReasonForm
    one_account: bool = False
    closed_accounts: bool = False

    def fits(self, user: User) -> bool:
        """True if the act is for an account in this state."""
        return user.is_active is not self.closed_accounts

    def initial(self, user: User) -> dict[str, Any]:
        """Values the form begins with."""
        return {"roles": user.roles, "store": user.store, "name": user.first_name}


def _ask(kind: str) -> Callable[..., Any]:
    def ask(**values: Any) -> Any:
        rights.ask(kind=kind, **values)
        return _ASKED

    return ask


def _change(*, by: User, user: User, roles: list[str], store: Store | None, reason: str) -> Any:
    """Take roles away at once; ask where the change gives one or moves the account to a store."""
    if set(roles) <= set(user.roles) and store in (user.store, None):
        service.revoke(by=by, user=user, roles=roles, reason=reason)
        return _("거두었습니다.")
    return _ask(RightsRequest.Kind.CHANGE)(by=by, user=user, roles=roles, store=store, reason=reason)


def _dismiss(**values: Any) -> Any:
    service.dismiss(**values)
    return _("계정을 닫았습니다.")


ACTS: dict[str, Act] = {
    "change": Act(
        _("역할과 매장 바꾸기"),
        _("거두기만 하면 바로 바뀝니다. 하나라도 더하면 다른 관리자의 승인을 기다립니다."),
        _change,
        RolesForm,
        one_account=True,
    ),
    "rename": Act(
        _("이름 고치기"),
        _("승인되면 이름이 바뀌고, 같은 분이 새 이름으로 본인 확인을 다시 할 때까지 계정은 아무 일도 못 합니다."),
        _ask("RENAME"),
        NameForm,
        one_account=True,
    ),
    "password": Act(
        _("새 비밀번호 코드 주기"),
        _("승인되면 지금 비밀번호와 접속이 모두 끝나고, 승인한 관리자가 한 번 쓰는 코드를 받아 손으로 건넵니다."),
        _ask("PASSWORD"),
    ),
    "second-factor": Act(
        _("2단계 인증 다시 정하기"),
        _("승인되면 인증 앱, 보안 키, 비밀번호, 접속이 모두 끝나고, 승인한 관리자가 코드를 받아 손으로 건넵니다."),
        _ask("SECOND_FACTOR"),
    ),
    "person": Act(
        _("본인 확인 다시 하게 하기"),
        _("승인되면 계정의 이름과 같은 이름으로 본인 확인을 다시 할 때까지 계정은 아무 일도 못 합니다."),
        _ask("PERSON"),
    ),
    "certify": Act(
        _("권한을 계속 두기"),
        _("지금 역할이 여전히 필요한지 두 사람이 봅니다. 기한이 지나면 역할은 쓸 수 없습니다."),
        _ask("CERTIFY"),
    ),
    "reopen": Act(
        _("닫힌 계정 다시 열기"),
        _("승인되면 같은 분이 코드와 본인 확인으로 다시 들어옵니다."),
        _ask("REOPEN"),
        RolesForm,
        one_account=True,
        closed_accounts=True,
    ),
    "dismiss": Act(
        _("계정 닫기(퇴사)"),
        _("바로 닫힙니다. 역할, 비밀번호, 2단계 인증, 접속이 모두 끝납니다. 다시 열려면 두 사람이 필요합니다."),
        _dismiss,
    ),
}
