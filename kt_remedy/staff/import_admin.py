"""The admin of imports of stores and their staff: a file, its comparison, the approval, the codes, the way back."""

from collections import Counter
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.audit.admin import RoleAdmin
from kt_remedy.core.fields import TextField
from kt_remedy.core.templatetags.remedy import kdatetime
from kt_remedy.staff import import_files, imports, service
from kt_remedy.staff.admin import second_factor_first
from kt_remedy.staff.models import StaffImport, Store, User
from kt_remedy.staff.roles import ROLE_LABELS

SHOWN = 100  # changes and faults on the page
RELOAD_SECONDS = 2  # of a page that waits for a worker
ACT_LABELS = {
    imports.ADDED: gettext_lazy("새로 생김"),
    imports.CHANGED: gettext_lazy("바뀜"),
    imports.MOVED: gettext_lazy("매장을 옮김"),
    imports.ENDED: gettext_lazy("닫힘"),
    imports.RETURNED: gettext_lazy("다시 열림"),
}


class UploadForm(forms.Form):
    """A file and how it is meant."""

    kind = forms.ChoiceField(
        label=gettext_lazy("무엇의 목록인가요"),
        choices=StaffImport.Kind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("무엇의 목록인지 골라 주세요.")},
    )
    file = forms.FileField(
        label=gettext_lazy("CSV 파일"), error_messages={"required": gettext_lazy("파일을 골라 주세요.")}
    )
    complete = forms.BooleanField(
        label=gettext_lazy("전체 목록입니다"),
        help_text=gettext_lazy("체크하면, 이 목록에 없는 매장 직원은 퇴사한 것으로, 없는 매장은 닫은 것으로 봅니다."),
        required=False,
    )


class ReasonForm(forms.Form):
    """Why, for the record."""

    reason = TextField(
        label=gettext_lazy("이유"),
        help_text=gettext_lazy("왜 바꾸는지 적어 주세요. 기록에 남습니다."),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=500,
        error_messages={"required": gettext_lazy("이유를 적어 주세요.")},
    )


@admin.register(StaffImport)
class StaffImportAdmin(RoleAdmin):
    """Imports. One administrator compares and asks, another one carries out."""

    view_permission = "staff.view_user"
    change_permission = add_permission = "staff.change_user"
    list_display = ("file_name", "kind", "rows", "state", "requested_by", "asked_at", "decided_by")
    list_filter = ("state", "kind")
    list_select_related = ("requested_by", "decided_by")
    ordering = ("-pk",)

    @admin.display(description=gettext_lazy("낸 때"), ordering="requested_at")
    def asked_at(self, row: StaffImport) -> str:
        """The time of the request, in words."""
        return kdatetime(row.requested_at)

    def get_urls(self) -> list[URLPattern]:
        codes = self.admin_site.admin_view(self.codes)
        codes.policy = ("staff.change_user",)  # type: ignore[attr-defined]  # a mark
        return [path("<int:pk>/codes/", codes, name="staff_staffimport_codes"), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """Read a file and compare it."""
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data["file"]
            try:
                row = imports.check(
                    by=cast(User, request.user),
                    kind=form.cleaned_data["kind"],
                    content=given.read(import_files.MOST_BYTES + 1),
                    file_name=given.name or "",
                    complete=form.cleaned_data["complete"],
                )
            except import_files.WrongFile as wrong:
                form.add_error("file", str(wrong))
            except service.NotAllowed as refused:
                form.add_error(None, refused.message)
            else:
                return redirect("admin:staff_staffimport_change", row.pk)
        context = {**self.admin_site.each_context(request), "title": _("매장과 직원 가져오기"), "form": form}
        context["columns"] = [
            (kind.label, ", ".join(columns.values())) for kind, columns in import_files.COLUMNS.items()
        ]
        return TemplateResponse(request, "admin/staff/import_upload.html", context, status=422 if form.errors else 200)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """The comparison, and the acts that its state allows."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        form = ReasonForm()
        if request.method == "POST":
            if not self.has_change_permission(request):
                raise PermissionDenied("an import is decided by administrators")
            act = request.POST.get("act", "")
            if act == "approve" and (response := second_factor_first(request)):
                return response
            form = ReasonForm(request.POST) if act in ("ask", "undo") else ReasonForm()
            if act not in ("ask", "undo") or form.is_valid():
                return self._do(request, row, act, form)
        self._record_act(request, "admin.viewed", str(row.pk), "", {})
        return self._page(request, row, form)

    def codes(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Codes for the new accounts of one store, shown once (POST)."""
        row = StaffImport.objects.filter(pk=pk, state="APPLIED", kind="STAFF").first()
        store = Store.objects.filter(code=request.POST.get("store", "")).first()
        if row is None or request.method != "POST" or store is None:
            raise Http404
        if response := second_factor_first(request, back=reverse("admin:staff_staffimport_change", args=[pk])):
            return response
        try:
            codes = imports.give_codes(by=cast(User, request.user), import_id=pk, store=store)
        except service.NotAllowed as refused:
            messages.error(request, refused.message)
            return redirect("admin:staff_staffimport_change", pk)
        context = {**self.admin_site.each_context(request), "title": _("건넬 코드"), "codes": codes}
        return TemplateResponse(request, "admin/staff/codes.html", context)

    def _do(self, request: HttpRequest, row: StaffImport, act: str, form: ReasonForm) -> HttpResponse:
        by, here = cast(User, request.user), row.pk
        try:
            match act:
                case "ask":
                    imports.ask(by=by, import_id=row.pk, reason=form.cleaned_data["reason"])
                    messages.success(request, _("요청했습니다. 다른 관리자의 승인을 기다립니다."))
                case "approve":
                    imports.approve(by=by, import_id=row.pk)
                    messages.success(request, _("승인했습니다. 곧 반영합니다."))
                case "decline":
                    imports.decline(by=by, import_id=row.pk)
                    messages.success(request, _("받아들이지 않았습니다."))
                case "undo":
                    here = imports.undo(by=by, import_id=row.pk, reason=form.cleaned_data["reason"]).pk
                    messages.success(request, _("되돌리기를 요청했습니다. 다른 관리자의 승인을 기다립니다."))
        except service.NotAllowed as refused:
            messages.error(request, refused.message)
        return redirect("admin:staff_staffimport_change", here)

    def _page(self, request: HttpRequest, row: StaffImport, form: ReasonForm) -> HttpResponse:
        if row.state == StaffImport.State.APPLIED:
            form.fields["reason"].help_text = _("왜 되돌리는지 적어 주세요. 기록에 남습니다.")
        counts = Counter(change["act"] for change in row.changes)
        waiting = imports.waiting_for_codes(row) if row.state == "APPLIED" and row.kind == "STAFF" else []
        stores = Counter((user.store.code, user.store.name) for user in waiting)
        context = {
            **self.admin_site.each_context(request),
            "title": str(row),
            "row": row,
            "form": form,
            "may": self.has_change_permission(request),
            "own": row.requested_by_id == request.user.pk,
            "counts": [(label, counts[act]) for act, label in ACT_LABELS.items() if counts[act]],
            "changes": [self._change(change) for change in row.changes[:SHOWN]],
            "changes_title": self._changes_title(row),
            "total": len(row.changes),
            "more": max(0, len(row.changes) - SHOWN),
            "faults": row.faults[:SHOWN],
            "more_faults": max(0, len(row.faults) - SHOWN),
            "stores": sorted(stores.items()),
            "undone": imports.reversing(row).first(),
            "working": row.state in (StaffImport.State.READING, StaffImport.State.APPROVED),
        }
        response = TemplateResponse(request, "admin/staff/import.html", context, status=422 if form.errors else 200)
        if context["working"]:
            response["Refresh"] = str(RELOAD_SECONDS)
        return response

    @staticmethod
    def _changes_title(row: StaffImport) -> str:
        """The heading of the changes: made, not made, or still to be made."""
        if row.state == StaffImport.State.APPLIED:
            return _("바뀐 것")
        if row.faults or row.state == StaffImport.State.DECLINED:
            return _("바뀌지 않은 것")
        return _("바뀔 것")

    @staticmethod
    def _change(change: dict[str, Any]) -> tuple[Any, str, str, str]:
        """(act, key, values before, values after), the values that differ alone."""
        before, after = change["before"] or {}, change["after"]
        differing = [name for name in after if before.get(name) != after[name]]
        return (
            ACT_LABELS[change["act"]],
            change["key"],
            ", ".join(filter(None, (_word(name, before[name]) for name in differing if name in before))),
            ", ".join(filter(None, (_word(name, after[name]) for name in differing))),
        )


def _word(name: str, value: Any) -> str:
    if name == "role":
        return str(ROLE_LABELS.get(value, ""))
    if name == "active":
        return _("쓰는 계정") if value else _("닫힌 계정")
    if name == "closed":
        return _("닫은 매장") if value else _("여는 매장")
    return str(value)
