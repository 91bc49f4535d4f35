"""URLs of the rewards pages."""

from django.urls import path

from rewards import views

app_name = "rewards"
urlpatterns = [
    path("", views.mine, name="mine"),
    path("choose", views.choose, name="choose"),
    path("code", views.code, name="code"),
    path("apply", views.apply, name="apply"),
    path("opt-out", views.opt_out, name="opt-out"),
    path("substitute", views.substitute, name="substitute"),
    path("certificate/<str:perk>/", views.certificate, name="certificate"),
    path("report/", views.report, name="report"),
]
