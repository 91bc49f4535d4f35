from django.urls import path

from kt_remedy.notices import desk, views

app_name = "notices"
urlpatterns = [
    path("", views.messages_we_send, name="texts"),
    path("sent/", desk.sent, name="sent"),
]
