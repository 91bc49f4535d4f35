"""The stand-ins for the outside services as one process: `python -m kt_remedy.devtools.sandbox`.

It listens on SANDBOX_PORT (8001).

Each speaks the wire format of its service and keeps its state in memory, hence one process with threads. They
listen on the loopback interface only and are no part of a production deployment.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.util import setup_testing_defaults

from kt_remedy.devtools.sandbox import provider

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

MOUNTS = {"/portone": "portone", "/solapi": "solapi", "/bank": "bank"}
REST = "phone"  # the phone's inbox and the authenticator: the pages a person opens


def mounted() -> Application:
    """All stand-ins as one WSGI application, each under its prefix."""
    apps = {prefix: import_module(f"kt_remedy.devtools.sandbox.{name}").app for prefix, name in MOUNTS.items()}
    rest = import_module(f"kt_remedy.devtools.sandbox.{REST}").app

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        setup_testing_defaults(environ)
        path = environ["PATH_INFO"]
        for prefix, app in apps.items():
            if path == prefix or path.startswith(prefix + "/"):
                environ["SCRIPT_NAME"] += prefix
                environ["PATH_INFO"] = path[len(prefix) :]
                return app(environ, start_response)
        return rest(environ, start_response)

    return application


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class _Quiet(WSGIRequestHandler):
    """No access log: the addresses hold phone and account numbers, as those of the real services do."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name the base class gives it)
        return


def main() -> None:
    """Serve until stopped; one sentence and exit status 1 when the port is taken."""
    logging.basicConfig(level=logging.WARNING)
    port = int(os.environ.get("SANDBOX_PORT", "8001"))
    try:
        server = make_server("127.0.0.1", port, mounted(), server_class=_Server, handler_class=_Quiet)
    except OSError as error:
        sys.exit(f"The stand-ins cannot listen on port {port}: {error.strerror}. Set SANDBOX_PORT to a free one.")
    Thread(target=provider.acknowledge_forever, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
