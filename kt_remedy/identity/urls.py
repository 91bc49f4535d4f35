from django.urls import path, re_path

from kt_remedy.identity import views

app_name = "identity"
urlpatterns = [
    path("", views.start, name="start"),
    re_path(r"^(?P<way>app|sms)/$", views.who, name="who"),
    path("code/", views.code, name="code"),
    path("again/", views.again, name="again"),
    path("elsewhere/", views.elsewhere, name="elsewhere"),
    path("stay/", views.stay, name="stay"),
    path("leave/", views.leave, name="leave"),
]
