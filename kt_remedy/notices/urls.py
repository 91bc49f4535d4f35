from django.urls import path

from kt_remedy.notices import mailings, staff_views, views

app_name = "notices"
urlpatterns = [
    path("", views.messages_we_send, name="texts"),
    path("opt-out/", views.opt_out, name="opt-out"),
    path("sent/", staff_views.sent, name="sent"),
    path("unreached/<int:message_id>/", staff_views.reach, name="reach"),
    path("unreached/letters/", staff_views.letters, name="letters"),
    path("resend/", staff_views.resend, name="resend"),
    path("resend/<int:resending_id>/allow/", staff_views.allow_resending, name="resend-allow"),
    path("opt-outs/", staff_views.opt_outs, name="opt-outs"),
    *(
        path(f"mailings/<int:mailing_id>/{step}/", staff_views.steer, {"step": step}, name=f"mailing-{step}")
        for step in mailings.STEPS
    ),
]
