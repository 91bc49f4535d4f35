from django.apps import AppConfig


class ContentConfig(AppConfig):
    name = "kt_remedy.content"
    verbose_name = "안내 글"
