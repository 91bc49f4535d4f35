"""Addresses of the portal's pages: home, my lines, information, calendar, desk, the clock of a demonstration."""

from collections.abc import Callable
from typing import Any

from django.http.response import HttpResponseBase
from django.urls import path
from django.views.generic import TemplateView

from kt_remedy.core.access import public
from kt_remedy.core.kept_pages import kept
from kt_remedy.portal import (
    audit_desk,
    calendar,
    clock_views,
    desk,
    desk_application,
    desk_calls,
    desk_customer,
    desk_filing,
    desk_perks,
    desk_proof,
    desk_sessions,
    guard,
    my_consents,
    my_file,
    my_record,
    person,
    security,
    security_txt,
    simple,
    statusz,
    store_views,
    switches,
    views,
)
from refunds.applications.representation import FAMILY_MONTHS
from refunds.applications.reviews import HARDSHIP_DAYS


def _page(name: str, **figures: Any) -> Callable[..., HttpResponseBase]:
    """Information page: texts, dates of the programme and figures of the rules."""
    return public(kept(TemplateView.as_view(template_name=f"portal/{name}.html", extra_context=figures)))


app_name = "portal"
urlpatterns = [
    path("", views.home, name="home"),
    path("my/", views.my_lines, name="my-lines"),
    path("my/simple/", simple.simple, name="simple"),
    path("my/by-telephone/", simple.by_telephone, name="by-telephone"),
    path("messages/call/", simple.call_check, name="call-check"),
    path("my/tell-me/", views.tell_me, name="tell-me"),
    path("help/", _page("faq"), name="faq"),
    path("help/bring/", _page("bring", hardship_days=HARDSHIP_DAYS, family_months=FAMILY_MONTHS), name="bring"),
    path("help/stores/", store_views.find, name="stores"),
    path("help/words/", _page("words"), name="words"),
    path("large-type/", views.large_type, name="large-type"),
    path("help/protection/", _page("protection"), name="protection"),
    path("help/guard/", guard.show, name="guard"),
    path("help/guard/seals/", guard.seals, name="guard-seals"),
    path("help/privacy/", views.privacy, name="privacy"),
    path("help/accessibility/", _page("accessibility"), name="accessibility"),
    path(".well-known/security.txt", security_txt.security_txt, name="security-txt"),
    path("my/file/", my_file.show, name="my-file"),
    path("my/file/download/", my_file.download, name="my-file-download"),
    path("my/record/", my_record.record, name="my-record"),
    path("my/record/consent/<str:code>/", my_consents.consent, name="my-consent"),
    path("my/record/ask/<int:entry_id>/", my_record.ask, name="my-record-ask"),
    path("clock/", clock_views.move, name="clock"),
    path("calendar/", calendar.show, name="calendar"),
    path("calendar/run/<int:act_id>/", calendar.run_again, name="calendar-run-again"),
    path("audit/", audit_desk.search, name="audit"),
    path("audit/unusual/", audit_desk.unusual, name="audit-unusual"),
    path("audit/questions/", audit_desk.questions, name="audit-questions"),
    path("audit/questions/<uuid:question_id>/", audit_desk.question, name="audit-question"),
    path("audit/reviews/", audit_desk.reviews, name="audit-reviews"),
    path("audit/reviews/<int:year>-<int:month>/", audit_desk.review, name="audit-review"),
    path("audit/heads.csv", audit_desk.heads_file, name="audit-heads"),
    path("security/", security.show, name="security"),
    path("switches/", switches.show, name="switches"),
    path("statusz/", statusz.show, name="statusz"),
    path("desk/", desk.desk, name="desk"),
    path("desk/continue/", desk.continue_draft, name="desk-continue"),
    path("desk/again/<str:key>/", desk.open_again, name="desk-again"),
    path("desk/filing/<int:pk>/", desk.store_filing, name="desk-store-filing"),
    path("desk/second/<str:key>/", desk.confirm_second, name="desk-second"),
    path("desk/call/<int:pk>/", desk_calls.call, name="desk-called"),
    path("desk/s/<str:key>/", desk_customer.customer, name="desk-customer"),
    path("desk/s/<str:key>/leave/", desk_sessions.end_session, name="desk-leave"),
    path("desk/s/<str:key>/stay/", desk_sessions.stay, name="desk-stay"),
    path("desk/s/<str:key>/who/", desk_proof.who, name="desk-who"),
    path("desk/s/<str:key>/prove/card/", desk_proof.prove_card, name="desk-prove-card"),
    path("desk/s/<str:key>/prove/code/", desk_proof.prove_code, name="desk-prove-code"),
    path("desk/s/<str:key>/prove/number/", desk_proof.prove_number, name="desk-prove-number"),
    path("desk/s/<str:key>/prove/phone/", desk_proof.prove_phone, name="desk-prove-phone"),
    path("desk/s/<str:key>/prove/approve/", desk_proof.approve, name="desk-approve"),
    path("desk/s/<str:key>/file/", desk_filing.submit_application, name="desk-file"),
    path("desk/s/<str:key>/receipt/<str:reference>/", desk_filing.receipt, name="desk-receipt"),
    path("desk/s/<str:key>/application/<int:pk>/", desk_application.application, name="desk-application"),
    path("desk/s/<str:key>/object/<str:contract_no>/", desk_customer.object_to, name="desk-object"),
    path("desk/s/<str:key>/perks/", desk_perks.perks, name="desk-perks"),
    path("desk/s/<str:key>/take/", desk_customer.transfer_filing, name="desk-take"),
    path("desk/s/<str:key>/note/", desk_customer.add_note, name="desk-note"),
    path("desk/s/<str:key>/escalate/", desk_customer.escalate, name="desk-escalate"),
    path("desk/s/<str:key>/ask-second/", desk_customer.ask_second, name="desk-ask-second"),
    path("staff/person/", person.person, name="staff-person"),
    path("staff/person/approve/", person.approve, name="staff-person-approve"),
]
