"""Sign-in of staff: the pages of django-allauth that are in use, under its own names. There is no other way in.

An invited administrator sets the first password on a page of ours."""

from allauth.account import views
from django.urls import include, path

from kt_remedy.staff.views import invitation

urlpatterns = [
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("again/", views.reauthenticate, name="account_reauthenticate"),
    path("password/", views.password_change, name="account_change_password"),
    path("invitation/", invitation, name="staff-invitation"),
    path("second-factor/", include("allauth.mfa.urls")),
]
