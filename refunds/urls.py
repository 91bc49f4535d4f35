from django.urls import path

app_name = "refunds"
urlpatterns: list = []
