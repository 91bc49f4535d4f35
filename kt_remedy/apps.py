from django.apps import AppConfig


class KtRemedyConfig(AppConfig):
    name = "kt_remedy"
    verbose_name = "KT 위약금 면제·고객 보답"
