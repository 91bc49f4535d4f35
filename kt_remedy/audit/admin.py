"""The base class of all model admins (rights by permission, every view recorded) and the admin of the audit."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import actions, looks, service
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import access, text
from kt_remedy.core.fields import DayField, KeyField, TextField


class RoleAdmin(admin.ModelAdmin):
    """A model admin whose rights are permissions of the registry and whose views are recorded in the audit.

    `view_permission` opens the pages. Without `change_permission` or `add_permission` nobody can change or add rows;
    nobody can ever delete rows. `subject_of` names the customer whose data a row shows.
    """

    view_permission = ""
    change_permission = ""
    add_permission = ""
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    formfield_overrides = {
        models.CharField: {"form_class": TextField},
        models.DateField: {"form_class": DayField},
        models.SlugField: {"form_class": KeyField},
        models.TextField: {"form_class": TextField},
    }

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return request.user.has_perm(self.view_permission)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return bool(self.change_permission) and request.user.has_perm(self.change_permission)

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return bool(self.add_permission) and request.user.has_perm(self.add_permission)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        """Mark each standard page with the permission that opens it; a posted form also checks its own permission."""
        urls = super().get_urls()
        by_page = {"add": (self.add_permission,) if self.add_permission else access.NOBODY, "delete": access.NOBODY}
        for pattern in urls:
            page = (pattern.name or "").rpartition("_")[2]
            pattern.callback.policy = by_page.get(page, (self.view_permission,))  # type: ignore[attr-defined]  # a mark
        return urls

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """Search for the clean text (D-73)."""
        return super().get_search_results(request, queryset, text.clean(search_term))

    def subject_of(self, obj: models.Model) -> str:
        """Return the customer number of the data in the row, or an empty string."""
        return ""

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        # Only names of filters are recorded, because a search term may be a telephone number.
        looks.note(action="admin.listed", object=str(self.opts.model_name), filters=sorted(request.GET))
        # Django's own title invites to select a row and has no Korean form.
        page = super().changelist_view(request, {"title": self.opts.verbose_name_plural, **(extra_context or {})})
        shown = getattr(page, "context_data", None) or {}
        if "cl" in shown:
            for row in shown["cl"].result_list:
                looks.seen(self.subject_of(row))
            if not shown["cl"].result_list:
                shown["cl"].show_admin_actions = False  # nothing can be chosen
        return page

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        obj = self.get_object(request, object_id)
        if obj is not None and self.has_view_permission(request, obj) and request.method == "GET":
            self._note_look(obj)
        context = {"title": self.opts.verbose_name, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def log_addition(self, request: HttpRequest, obj: models.Model, message: object) -> LogEntry:
        self._record_act(request, "admin.added", str(obj.pk), self.subject_of(obj), {})
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: models.Model, message: object) -> LogEntry:
        self._record_act(request, "admin.changed", str(obj.pk), self.subject_of(obj), {})
        return super().log_change(request, obj, message)

    def _note_look(self, obj: models.Model) -> None:
        looks.note(action="admin.viewed", object=f"{self.opts.model_name}:{obj.pk}", subject=self.subject_of(obj))

    def _record_act(self, request: HttpRequest, action: str, key: str, subject: str, detail: dict) -> None:
        service.record(
            actor=service.actor(request.user),
            action=action,
            object=f"{self.opts.model_name}:{key}" if key else str(self.opts.model_name),
            subject=subject,
            detail=detail,
        )


class KindFilter(admin.SimpleListFilter):
    """A filter by the kind of act, the first word of the action."""

    title = _("종류")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return actions.labels()

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return queryset.filter(action__startswith=f"{self.value()}.") if self.value() else queryset


@admin.register(AuditEntry)
class AuditAdmin(RoleAdmin):
    """The audit, read-only. The search takes exact values: a customer number, `staff:7`, `application:12`."""

    view_permission = "audit.view_entry"
    list_display = ("at", "who", "what", "object", "subject", "reason", "ip")
    list_filter = (KindFilter, ("at", admin.DateFieldListFilter))
    search_fields = ("=subject", "=actor", "=object")
    search_help_text = _("고객번호, staff:7, application:12처럼 정확히 적어 주세요.")
    ordering = ("-at", "-id")
    fields = ("at", "who", "what", "object", "subject", "reason", "ip", "detail", "position", "digest_hex")
    readonly_fields = fields

    def subject_of(self, obj: Any) -> str:
        """The customer of the entry."""
        return obj.subject

    @admin.display(description=_("누가"))
    def who(self, entry: AuditEntry) -> str:
        """The actor, with the user name for a member of staff."""
        if not entry.actor.startswith("staff:"):
            return entry.actor
        names = self.__dict__.setdefault("_names", {})
        if entry.actor not in names:
            accounts = get_user_model().objects
            name = accounts.filter(pk=entry.actor.partition(":")[2]).values_list("username", flat=True).first()
            names[entry.actor] = f"{entry.actor} ({name})" if name else entry.actor
        return names[entry.actor]

    @admin.display(description=_("무엇을"), ordering="action")
    def what(self, entry: AuditEntry) -> str:
        """The kind of act in words, and its code, by which it is searched for."""
        return f"{actions.label_of(entry.action)} ({entry.action})"

    @admin.display(description=_("사슬 번호"))
    def position(self, entry: AuditEntry) -> int | None:
        """Position of the entry in the chain; None until it is sealed."""
        return entry.seal.position if hasattr(entry, "seal") else None

    @admin.display(description=_("사슬 값"))
    def digest_hex(self, entry: AuditEntry) -> str:
        """Digest of the entry, in the format that `manage.py verify_audit` prints."""
        return bytes(entry.seal.digest).hex() if hasattr(entry, "seal") else ""
