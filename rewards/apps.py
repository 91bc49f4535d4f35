from django.apps import AppConfig


class RewardsConfig(AppConfig):
    name = "rewards"
    verbose_name = "고객 보답"

    def ready(self) -> None:
        from rewards import tasks, texts

        texts.register()
        tasks.register()
