"""Sign-in of staff: the used pages of django-allauth under their own names, and the page of an invitation."""

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
