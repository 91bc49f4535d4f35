"""Sign-in of staff: the used pages of django-allauth under their own names, and the page of an invitation."""

from allauth.account import views
from django.urls import include, path

from kt_remedy.staff.own_views import household, own_sessions
from kt_remedy.staff.store_views import suggest_stores
from kt_remedy.staff.views import home, invitation, leave

urlpatterns = [
    path("", home, name="staff-home"),
    path("login/", views.login, name="account_login"),
    path("logout/", leave, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("again/", views.reauthenticate, name="account_reauthenticate"),
    path("password/", views.password_change, name="account_change_password"),
    path("invitation/", invitation, name="staff-invitation"),
    path("stores/", suggest_stores, name="staff-stores"),
    path("sessions/", own_sessions, name="staff-sessions"),
    path("household/", household, name="staff-household"),
    path("second-factor/", include("allauth.mfa.urls")),
]
