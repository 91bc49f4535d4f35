"""Routes of the refunds room: applying, the status afterwards, objections, the reviewers' work."""

from django.urls import path

from refunds.views import apply, report, review

app_name = "refunds"
urlpatterns = [
    path("apply/", apply.apply, name="apply"),
    path("apply/late/", apply.late, name="apply-late"),
    path("apply/account/", apply.account, name="apply-account"),
    path("apply/consent/", apply.consent, name="apply-consent"),
    path("apply/check/", apply.check, name="apply-check"),
    path("receipt/<str:reference>/", apply.receipt, name="receipt"),
    path("status/", apply.status, name="status"),
    path("status/<int:pk>/", apply.application, name="application"),
    path("status/<int:pk>/withdraw/", apply.withdraw, name="withdraw"),
    path("status/<int:pk>/account/", apply.mend, name="mend"),
    path("status/<int:pk>/documents/", apply.send_documents, name="documents"),
    path("status/<int:pk>/proof/", apply.proof, name="proof"),
    path("object/<str:contract_no>/", review.object_to, name="object"),
    path("report/", report.report, name="report"),
    path("review/", review.work_list, name="review"),
    path("review/next/", review.take_next, name="review-next"),
    path("review/<int:pk>/", review.case, name="review-case"),
    path("review/<int:pk>/release/", review.release, name="review-release"),
    path("review/evidence/<uuid:pk>/", review.take_out, name="evidence"),
    path("review/objection/<uuid:pk>/", review.objection, name="review-objection"),
]
