"""A stand-in for a service that only takes what is sent to it: Sentry, a collector of traces."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import brotli


@dataclass
class Receiver:
    """Its address, and the path and the unpacked body of each request so far."""

    address: str
    requests: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def bodies(self) -> bytes:
        """Everything that was sent."""
        return b"\n".join(body for _path, body in self.requests)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver on a port of the loopback interface that answers 200 to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            unpack = {"gzip": gzip.decompress, "br": brotli.decompress, None: bytes}
            taken.requests.append((self.path, unpack[self.headers.get("Content-Encoding")](body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    taken = Receiver(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield taken
    finally:
        server.shutdown()
        server.server_close()
