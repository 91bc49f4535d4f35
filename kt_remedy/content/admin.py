"""The admin of content entries."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit.admin import RoleAdmin
from kt_remedy.content import service
from kt_remedy.content.models import Entry
from kt_remedy.core import clock
from kt_remedy.core.errors import Refused


class EntryForm(forms.ModelForm):
    class Meta:
        model = Entry
        fields = ("place", "key", "order", "title_ko", "title_en", "body_ko", "body_en", "shown_from")

    def clean_shown_from(self) -> object:
        shown_from = self.cleaned_data["shown_from"]
        if shown_from < clock.today():
            raise ValidationError(_("지난 날짜로는 올릴 수 없습니다."))
        return shown_from


@admin.register(Entry)
class EntryAdmin(RoleAdmin):
    """Entries are added, never changed: a version with a later date replaces the earlier one."""

    view_permission = "content.view_entry"
    add_permission = "content.add_entry"
    form = EntryForm
    list_display = ("place", "key", "title_ko", "shown_from", "written_by")
    list_filter = ("place",)
    list_select_related = ("written_by",)
    ordering = ("place", "key", "-shown_from")
    readonly_fields = ("written_by", "written_at")
    actions = ("release",)

    @admin.action(description=_("고른 글 내보내기"), permissions=["release"])
    def release(self, request: HttpRequest, queryset: QuerySet[Entry]) -> None:
        """Release each chosen text; says of each that is refused why."""
        done = 0
        for entry in queryset:
            try:
                service.release(by=request.user, entry=entry)
                done += 1
            except Refused as refused:
                self.message_user(request, f"{entry.key}: {refused}", messages.ERROR)
        if done:
            self.message_user(request, _("%(n)s건을 내보냈습니다.") % {"n": done}, messages.SUCCESS)

    def has_release_permission(self, request: HttpRequest) -> bool:
        """True for the privacy officer."""
        return request.user.has_perm("content.release_entry")

    def get_readonly_fields(self, request: HttpRequest, obj: object = None) -> tuple[str, ...]:
        return () if obj is None else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Entry, form: forms.ModelForm, change: bool) -> None:
        service.add_version(by=request.user, entry=obj)
