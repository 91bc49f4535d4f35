from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ContentConfig(AppConfig):
    name = "kt_remedy.content"
    verbose_name = _("안내 글")
