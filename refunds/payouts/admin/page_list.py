"""A list in the admin whose rows lead to payout pages."""

from typing import Any, ClassVar

from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from kt_remedy.staff.admin import RoleAdmin


class PageChangeList(ChangeList):
    """A list whose rows lead to a payout page."""

    def url_for_result(self, result: models.Model) -> str:
        return reverse(self.model_admin.page_route, args=[result.pk])  # type: ignore[attr-defined]


class PageAdmin(RoleAdmin):
    """A read-only list with a payout page for each row: the route `page_route` takes the key."""

    page_route: ClassVar[str]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PageChangeList

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """Lead to the payout page."""
        if request.method != "GET" or not self.has_view_permission(request):
            raise PermissionDenied("rows of money are not edited")
        if not (object_id.isascii() and object_id.isdigit()):
            raise Http404
        return redirect(self.page_route, int(object_id))
