from django.apps import AppConfig


class RewardsConfig(AppConfig):
    name = "rewards"
    verbose_name = "고객 보답"

    def ready(self) -> None:
        from rewards import letters, tasks, texts

        texts.register()
        letters.register()
        tasks.register()
