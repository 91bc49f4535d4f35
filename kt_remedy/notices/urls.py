from django.urls import path

from kt_remedy.notices import desk, rounds, views

app_name = "notices"
urlpatterns = [
    path("", views.messages_we_send, name="texts"),
    path("opt-out/", views.opt_out, name="opt-out"),
    path("sent/", desk.sent, name="sent"),
    path("unreached/<int:message_id>/", desk.reach, name="reach"),
    path("unreached/letters/", desk.letters, name="letters"),
    path("opt-outs/", desk.opt_outs, name="opt-outs"),
    *(
        path(f"rounds/<int:round_id>/{step}/", desk.steer, {"step": step}, name=f"round-{step}")
        for step in rounds.STEPS
    ),
]
