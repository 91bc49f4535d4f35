from django.apps import AppConfig


class IdentityConfig(AppConfig):
    name = "kt_remedy.identity"
    verbose_name = "본인 확인"
