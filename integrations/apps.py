from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "integrations"

    def ready(self) -> None:
        from django_q.signals import post_spawn

        from integrations import checks, shutdown

        checks.register()
        post_spawn.connect(shutdown.watch)
