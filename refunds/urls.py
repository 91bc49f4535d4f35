"""Routes of refunds: applying, the status afterwards, objections, the reviewers' pages."""

from django.urls import path

from refunds.views import apply, documents, objections, report, review, review_case, status, store_day

app_name = "refunds"
urlpatterns = [
    path("apply/", apply.apply, name="apply"),
    path("apply/late/", apply.late, name="apply-late"),
    path("apply/account/", apply.account, name="apply-account"),
    path("apply/consent/", apply.consent, name="apply-consent"),
    path("apply/check/", apply.check, name="apply-check"),
    path("receipt/<str:reference>/", status.receipt, name="receipt"),
    path("status/", status.status, name="status"),
    path("status/<int:pk>/", status.application, name="application"),
    path("status/<int:pk>/withdraw/", status.withdraw, name="withdraw"),
    path("status/<int:pk>/account/", status.change_account, name="change-account"),
    path("status/<int:pk>/documents/", documents.send_documents, name="documents"),
    path("status/<int:pk>/proof/", status.proof, name="proof"),
    path("status/<int:pk>/pay-day.ics", status.pay_day, name="pay-day"),
    path("object/<str:contract_no>/", objections.object_to, name="object"),
    path("store/", store_day.store_day, name="store-day"),
    path("report/", report.report, name="report"),
    path("report/export/", report.report_export, name="report-export"),
    path("review/", review.work_list, name="review"),
    path("review/next/", review_case.take_next, name="review-next"),
    path("review/<int:pk>/", review_case.case, name="review-case"),
    path("review/<int:pk>/release/", review_case.release, name="review-release"),
    path("review/bulk/", review.bulk, name="review-bulk"),
    path("review/case/<int:pk>/<slug:act>/", review_case.aside, name="review-aside"),
    path("review/evidence/<uuid:pk>/<int:number>/", review_case.page, name="evidence-page"),
    path("review/evidence/<uuid:pk>/", documents.take_out, name="evidence"),
    path("review/objection/<uuid:pk>/", objections.objection, name="review-objection"),
]
