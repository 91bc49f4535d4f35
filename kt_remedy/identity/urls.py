from django.urls import path, re_path

from kt_remedy.identity import views

app_name = "identity"
urlpatterns = [
    path("", views.start, name="start"),
    re_path(r"^(?P<way>app|sms)/$", views.enter_details, name="who"),
    path("code/", views.enter_code, name="code"),
    path("again/", views.resend_code, name="again"),
    path("elsewhere/", views.other_ways, name="elsewhere"),
    path("stay/", views.extend_session, name="stay"),
    path("leave/", views.sign_out, name="leave"),
]
