"""Every address of the portal. Each application declares its own; each view names who may use it (`core.access`)."""

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from kt_remedy.core import health
from kt_remedy.core.access import public, without_token

urlpatterns = [
    path("", include("kt_remedy.portal.urls")),
    path("check/", include("eligibility.urls")),
    path("identity/", include("kt_remedy.identity.urls")),
    path("messages/", include("kt_remedy.notices.urls")),
    path("refunds/", include("refunds.urls")),
    path("rewards/", include("rewards.urls")),
    path("staff/", include("kt_remedy.staff.urls")),
    path("admin/", admin.site.urls),
    path("language/", public(without_token(set_language)), name="set_language"),
    path("livez", public(health.livez), name="livez"),
    path("readyz", public(health.readyz), name="readyz"),
    path("pulsez", public(health.pulsez), name="pulsez"),
]

handler403 = "kt_remedy.portal.views.permission_denied"
handler404 = "kt_remedy.portal.views.page_not_found"
handler500 = "kt_remedy.portal.views.server_error"
