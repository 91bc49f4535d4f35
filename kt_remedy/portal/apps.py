from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "kt_remedy.portal"
    verbose_name = "포털"

    def ready(self) -> None:
        """Register the one message of the desk."""
        from kt_remedy.portal import desk_code  # needs the models

        desk_code.register()
