from django.apps import AppConfig


class StaffConfig(AppConfig):
    name = "kt_remedy.staff"
    verbose_name = "직원"
