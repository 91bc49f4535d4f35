from django.apps import AppConfig


class DevtoolsConfig(AppConfig):
    """Installed in development only (see settings); registers the aids of a try-out."""

    name = "kt_remedy.devtools"

    def ready(self) -> None:
        from kt_remedy.core import practice
        from kt_remedy.devtools import bank_panel, cast, demo_accounts  # models are loaded only now

        practice.register_panel("identity", "devtools/identity.html", cast.panel_context)
        practice.register_form_values("identity", cast.form_values)
        practice.register_panel("bank", "devtools/bank.html", bank_panel.context)
        practice.register_panel("staff", "devtools/staff.html", demo_accounts.panel_context)
