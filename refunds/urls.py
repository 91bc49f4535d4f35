"""Routes of the refunds room: applying, the status afterwards, objections, the reviewers' work."""

from django.urls import path

from refunds.applications import report_views, review_views, views

app_name = "refunds"
urlpatterns = [
    path("apply/", views.apply, name="apply"),
    path("apply/late/", views.late, name="apply-late"),
    path("apply/account/", views.account, name="apply-account"),
    path("apply/consent/", views.consent, name="apply-consent"),
    path("apply/check/", views.check, name="apply-check"),
    path("receipt/<str:reference>/", views.receipt, name="receipt"),
    path("status/", views.status, name="status"),
    path("status/<int:pk>/", views.application, name="application"),
    path("status/<int:pk>/withdraw/", views.withdraw, name="withdraw"),
    path("status/<int:pk>/account/", views.mend, name="mend"),
    path("status/<int:pk>/documents/", views.documents, name="documents"),
    path("status/<int:pk>/proof/", views.proof, name="proof"),
    path("object/<str:contract_no>/", review_views.object_to, name="object"),
    path("report/", report_views.report, name="report"),
    path("review/", review_views.work_list, name="review"),
    path("review/next/", review_views.take_next, name="review-next"),
    path("review/<int:pk>/", review_views.case, name="review-case"),
    path("review/<int:pk>/release/", review_views.release, name="review-release"),
    path("review/evidence/<uuid:pk>/", review_views.take_out, name="evidence"),
    path("review/objection/<uuid:pk>/", review_views.objection, name="review-objection"),
]
