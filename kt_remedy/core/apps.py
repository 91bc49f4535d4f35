from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.module_loading import autodiscover_modules


class CoreConfig(AppConfig):
    name = "kt_remedy.core"
    verbose_name = "위약금 면제·고객 보답"

    def ready(self) -> None:
        from kt_remedy.core import access, grants, health, switches, tracing
        from kt_remedy.core.tasks import metrics, upkeep  # need the models

        # Before the other applications are ready: decorators of their views look permissions up.
        autodiscover_modules("permissions")
        access.check_roles()
        pre_migrate.connect(grants.drop_report, sender=self)
        post_migrate.connect(grants.grant, sender=self)
        upkeep.register()
        metrics.connect()
        if settings.SENTRY_DSN:
            from kt_remedy.core import sentry  # costs its import only where it is wanted

            sentry.start()
        if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
            tracing.start()
        metrics.register(health.gauges)
        metrics.register(switches.gauges)
