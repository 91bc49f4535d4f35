from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "kt_remedy.audit"
    verbose_name = "접속 기록"
