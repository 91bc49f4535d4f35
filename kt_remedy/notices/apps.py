from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "kt_remedy.notices"
    verbose_name = "안내"
