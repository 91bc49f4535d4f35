"""The admin of accounts and stores."""

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.forms import BaseUserCreationForm
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit.admin import RoleAdmin
from kt_remedy.core.fields import TextField
from kt_remedy.staff import service
from kt_remedy.staff.models import Store, User
from kt_remedy.staff.roles import ROLE_LABELS, STORE_ROLES


class _ReasonForm(forms.ModelForm):
    reason = TextField(
        label=_("이유"),
        help_text=_("왜 바꾸는지 적어 주세요. 기록에 남습니다."),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=500,
        error_messages={"required": _("이유를 적어 주세요.")},
    )


class _RolesForm(forms.ModelForm):
    roles = forms.MultipleChoiceField(
        label=_("역할"),
        choices=list(ROLE_LABELS.items()),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    def clean(self) -> dict | None:
        values = super().clean() or self.cleaned_data
        if set(STORE_ROLES) & set(values.get("roles", ())) and not values.get("store"):
            self.add_error("store", _("매장 직원과 매장 관리자에게는 매장이 있어야 합니다."))
        if self._gives_right(values) and service.count_administrators() < service.REQUIRED_ADMINISTRATORS:
            self.add_error(None, service.NotAllowed("TOO_FEW").message)
        return values

    def _gives_right(self, values: dict) -> bool:
        before = User.objects.filter(pk=self.instance.pk).first()
        return before is None or service.gives_right(before, roles=values.get("roles", []), store=values.get("store"))


class ChangeForm(_RolesForm, _ReasonForm):
    class Meta:
        model = User
        fields = ("roles", "store")


class HireForm(_RolesForm, _ReasonForm, BaseUserCreationForm):
    first_name = TextField(
        label=_("이름"),
        max_length=60,
        help_text=_("휴대폰에 가입된 이름 그대로. 처음 들어올 때 본인 확인으로 이 이름을 맞추어 봅니다."),
        error_messages={"required": _("이름을 적어 주세요.")},
    )

    class Meta:
        model = User
        fields = ("username", "first_name", "roles", "store")


@admin.register(User)
class UserAdmin(RoleAdmin):
    """Accounts of staff; every change of roles or store needs a reason."""

    view_permission = "staff.view_user"
    change_permission = add_permission = "staff.change_user"
    list_display = ("username", "first_name", "role_names", "store", "is_active", "person_known", "last_login")
    list_filter = ("is_active", "store")
    search_fields = ("username",)
    list_select_related = ("store",)
    readonly_fields = ("username", "first_name", "is_active", "person_known", "last_login")
    actions = ("dismiss", "reset_second_factor", "reset_person")

    @admin.display(description=_("본인 확인"), boolean=True)
    def person_known(self, user: User) -> bool:
        """True if the owner of the account is verified by telephone."""
        return bool(user.person_index)

    @admin.display(description=_("역할"))
    def role_names(self, user: User) -> str:
        """The labels of the roles."""
        return ", ".join(str(ROLE_LABELS[role]) for role in user.roles)

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: object) -> type:
        kwargs["form"] = HireForm if obj is None else ChangeForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("username", "first_name", "password1", "password2", "roles", "store", "reason")
        shown = (*self.readonly_fields, "roles", "store")
        return (*shown, "reason") if self.has_change_permission(request, obj) else shown

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return () if obj is None else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:
        by, data = request.user, form.cleaned_data
        assert isinstance(by, User)
        try:
            if change:
                before = User.objects.get(pk=obj.pk)
                service.set_roles(by=by, user=before, roles=data["roles"], store=data["store"], reason=data["reason"])
            else:
                hired = service.hire(
                    by=by,
                    username=data["username"],
                    name=data["first_name"],
                    password=data["password1"],
                    roles=data["roles"],
                    store=data["store"],
                    reason=data["reason"],
                )
                obj.pk = hired.pk
        except service.NotAllowed:
            raise PermissionDenied from None

    @admin.action(description=_("계정 닫기(퇴사)"), permissions=["change"])
    def dismiss(self, request: HttpRequest, chosen: models.QuerySet[User]) -> None:
        """Close the chosen accounts."""
        self._change_each(request, chosen, service.dismiss, str(_("관리 화면에서 계정을 닫음")))

    @admin.action(description=_("2단계 인증 다시 정하게 하기"), permissions=["change"])
    def reset_second_factor(self, request: HttpRequest, chosen: models.QuerySet[User]) -> None:
        """Make the owners of the chosen accounts set up a new second factor."""
        self._change_each(
            request, chosen, service.reset_second_factor, str(_("관리 화면에서 2단계 인증을 다시 정하게 함"))
        )

    @admin.action(description=_("본인 확인 다시 하게 하기"), permissions=["change"])
    def reset_person(self, request: HttpRequest, chosen: models.QuerySet[User]) -> None:
        """Make the owners of the chosen accounts verify themselves again."""
        self._change_each(request, chosen, service.reset_person, str(_("관리 화면에서 본인 확인을 다시 하게 함")))

    def _change_each(self, request: HttpRequest, chosen: models.QuerySet[User], change: object, reason: str) -> None:
        for user in chosen:
            try:
                change(by=request.user, user=user, reason=reason)  # type: ignore[operator]
            except service.NotAllowed as refused:
                self.message_user(request, refused.message, messages.ERROR)
            else:
                self.message_user(request, _("%(user)s: 바꾸었습니다.") % {"user": user.username}, messages.SUCCESS)


@admin.register(Store)
class StoreAdmin(RoleAdmin):
    """Stores."""

    view_permission = "staff.view_store"
    change_permission = add_permission = "staff.change_store"
    list_display = ("code", "name")
    search_fields = ("code", "name")
