"""The command that answers Prometheus on a port inside the network."""

import ipaddress
import os
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from prometheus_client import start_http_server

from kt_remedy.core.tasks import metrics


class Command(BaseCommand):
    """Serve `/metrics` at METRICS_BIND until the process is stopped. One beside each web server is enough."""

    help = "Answer Prometheus at METRICS_BIND, a port that the public web does not reach."

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until the process is stopped. Raises CommandError for no address, or for one of the public network."""
        host, port = _address()
        if settings.METRICS_DIR:
            os.makedirs(settings.METRICS_DIR, exist_ok=True)
        try:
            server, _thread = start_http_server(port, host, metrics.registry())
        except OSError as error:
            raise CommandError(f"METRICS_BIND is {settings.METRICS_BIND}: {error.strerror}.") from None
        self.stdout.write(f"Prometheus finds the figures at http://{host}:{server.server_port}/metrics")
        self.stdout.flush()
        threading.Event().wait()


def _address() -> tuple[str, int]:
    host, _, port = settings.METRICS_BIND.rpartition(":")
    try:
        public = ipaddress.ip_address(host.strip("[]")).is_global
        number = int(port)
    except ValueError:
        raise CommandError("METRICS_BIND is no address: write it as 10.0.0.5:9464.") from None
    if public:
        raise CommandError("METRICS_BIND is an address of the public network: the figures are for the inside alone.")
    return host.strip("[]"), number
