"""The admin of texts: a change adds a new version, which is checked and in force immediately."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit.admin import RoleAdmin
from kt_remedy.notices import service, texts
from kt_remedy.notices.models import Text
from kt_remedy.notices.presenters import changes_of, fault_of, size_of


class TemplateField(forms.CharField):
    """A template. Its gate is `TextForm`, which tells the author what is tidied and what is refused."""

    def __init__(self, **options: Any) -> None:
        box = forms.Textarea(attrs={"rows": 5, "cols": 60})
        super().__init__(max_length=texts.LMS_BYTES, widget=box, **options)


class TextForm(forms.ModelForm):
    kind = forms.ChoiceField(label=_("종류"))
    ko = TemplateField(label=_("한국어 문자"))
    en = TemplateField(label=_("영어 문자"))

    class Meta:
        model = Text
        fields = ("kind", "ko", "en", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.changes: dict[str, str] = {}  # what was tidied, by language
        if self.instance.pk:
            return  # an existing version is read-only
        self.fields["ko"].help_text = gettext(
            "%(short)s바이트까지는 단문, %(long)s바이트까지는 장문으로 나갑니다. 한글 한 글자는 2바이트입니다."
        ) % {"short": texts.SMS_BYTES, "long": f"{texts.LMS_BYTES:,}"}
        self.fields["kind"].choices = [(item.code, item.label) for item in texts.kinds()]  # type: ignore[attr-defined]
        self.fields["kind"].help_text = _(
            "모든 문자는 {prefix}로 시작하고 {hotline}을 넣습니다."
            " 인터넷 주소, 금액, 이름, 계좌번호는 넣을 수 없습니다."
        )
        self.fields["reason"].required = True
        if texts.is_registered(code := self.data.get("kind") or self.initial.get("kind", "")):
            fields = " ".join(sorted(f"{{{name}}}" for name in texts.fields_of(texts.kind(code))))
            self.fields["en"].help_text = _("이 종류에서 쓸 수 있는 자리: %(fields)s") % {"fields": fields}

    def clean(self) -> dict | None:
        values = super().clean() or self.cleaned_data
        if not texts.is_registered(values.get("kind", "")):
            return values
        item = texts.kind(values["kind"])
        for language in texts.LANGUAGES:
            if language not in values:
                continue
            self._tidy(language, values)
            try:
                texts.fill_and_check(item, language, values[language])
            except texts.TextError as error:
                self.add_error(language, fault_of(error))
        if not self.errors and {name: values[name] for name in texts.LANGUAGES} == dict(texts.in_force(item)):
            self.add_error(None, _("지금 쓰는 문자와 같습니다."))
        return values

    def _tidy(self, language: str, values: dict) -> None:
        """Tidy a text and say what was done. The field shows the tidied text, so the places in an error fit it."""
        tidied = texts.tidy(values[language])
        values[language] = tidied.text
        if changes := changes_of(tidied):
            self.changes[language] = changes
            self.fields[language].help_text = changes
            data: Any = self.data
            self.data = {**data.dict(), self.add_prefix(language): tidied.text}


@admin.register(Text)
class TextAdmin(RoleAdmin):
    """All versions of all texts; administrators add versions, no version is ever changed."""

    view_permission = "notices.view_text"
    add_permission = "notices.add_text"
    form = TextForm
    list_display = ("label", "ko", "size", "since", "origin", "state", "edit")
    list_select_related = ("written_by",)
    ordering = ("kind", "-id")
    fields = ("kind", "ko", "en", "reason")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.fields if obj is None else ("label", "ko", "en", "size", "since", "origin", "reason", "state")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("label", "size", "since", "origin", "state")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Start a new version with the text in force of the chosen kind."""
        code = request.GET.get("kind", "")
        return {"kind": code, **texts.in_force(texts.kind(code))} if texts.is_registered(code) else {}

    def save_model(self, request: HttpRequest, obj: Text, form: forms.ModelForm, change: bool) -> None:
        row = service.write_text(by=request.user, kind=obj.kind, ko=obj.ko, en=obj.en, reason=obj.reason)
        obj.pk, obj.since, obj.written_by = row.pk, row.since, row.written_by
        for language, changes in form.changes.items():  # type: ignore[attr-defined]
            messages.info(request, f"{form.fields[language].label}: {changes}")

    @admin.display(description=_("종류"), ordering="kind")
    def label(self, row: Text) -> Any:
        """The label of the kind."""
        return texts.kind(row.kind).label if texts.is_registered(row.kind) else row.kind

    @admin.display(description=_("길이"))
    def size(self, row: Text) -> str:
        """Size and class (SMS, LMS) of both texts."""
        if not texts.is_registered(row.kind):
            return "–"
        return " / ".join(
            size_of(texts.kind(row.kind), language, getattr(row, language)) for language in texts.LANGUAGES
        )

    @admin.display(description=_("쓴 사람"))
    def origin(self, row: Text) -> Any:
        """The author, or a note that the text was shipped with the code."""
        return row.written_by or _("처음부터 있던 글")

    @admin.display(description=_("상태"))
    def state(self, row: Text) -> Any:
        """True if the version is in force."""
        return _("지금 쓰는 글") if self._in_force(row) else _("전에 쓰던 글")

    @admin.display(description=_("고치기"))
    def edit(self, row: Text) -> SafeString | str:
        """A link that starts a new version of the text in force."""
        if not self._in_force(row):
            return "–"
        address = f"{reverse('admin:notices_text_add')}?kind={row.kind}"
        return format_html('<a href="{}">{}</a>', address, _("고치기"))

    def _in_force(self, row: Text) -> bool:
        templates = {name: getattr(row, name) for name in texts.LANGUAGES}
        return texts.is_registered(row.kind) and templates == dict(texts.in_force(texts.kind(row.kind)))
