from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "kt_remedy.portal"
    verbose_name = "포털"
