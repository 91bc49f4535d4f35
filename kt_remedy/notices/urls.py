from django.urls import path

from kt_remedy.notices import views

app_name = "notices"
urlpatterns = [path("", views.messages_we_send, name="texts")]
