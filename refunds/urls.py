"""Routes of the refunds room: applying, the status afterwards, objections, the reviewers' work."""

from django.urls import path

from refunds.applications import views

app_name = "refunds"
urlpatterns = [
    path("apply/", views.apply, name="apply"),
    path("apply/account/", views.account, name="apply-account"),
    path("apply/consent/", views.consent, name="apply-consent"),
    path("apply/check/", views.check, name="apply-check"),
    path("receipt/<str:reference>/", views.receipt, name="receipt"),
    path("status/", views.status, name="status"),
    path("status/<int:pk>/", views.application, name="application"),
    path("status/<int:pk>/withdraw/", views.withdraw, name="withdraw"),
    path("status/<int:pk>/account/", views.mend, name="mend"),
    path("status/<int:pk>/proof/", views.proof, name="proof"),
]
