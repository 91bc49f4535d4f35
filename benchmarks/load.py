"""A load for pages: kept connections that ask one after the other, with as little work of their own as can be."""

import socket
import threading
import time
from dataclasses import dataclass


@dataclass
class Result:
    """Requests a second and the times of all answers, in seconds."""

    per_second: float
    times: list[float]

    def at(self, share: float) -> float:
        """The time within which `share` of the answers came."""
        return sorted(self.times)[min(int(len(self.times) * share), len(self.times) - 1)]


def run(
    port: int, path: str, *, cookie: str = "", encoding: str = "identity", connections: int = 16, seconds: float = 5
) -> Result:
    """Ask for `path` over `connections` kept connections for `seconds`. Raises RuntimeError on an answer but 200."""
    fields = ["Host: localhost", "Accept-Language: ko", f"Accept-Encoding: {encoding}", f"Cookie: {cookie}"]
    request = "\r\n".join([f"GET {path} HTTP/1.1", *fields, "", ""]).encode()
    times: list[float] = []
    faults: list[str] = []
    until = time.monotonic() + seconds

    def ask() -> None:
        mine = []
        with socket.create_connection(("127.0.0.1", port), timeout=30) as link:
            while time.monotonic() < until:
                began = time.perf_counter()
                link.sendall(request)
                status, closing = _answer(link)
                mine.append(time.perf_counter() - began)
                if status != b"200":
                    faults.append(f"{path}: {status.decode()}")
                    break
                if closing:  # the server recycles a process after so many requests
                    break
        times.extend(mine)

    threads = [threading.Thread(target=ask) for _ in range(connections)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise RuntimeError(faults[0])
    return Result(len(times) / (time.monotonic() - began), times)


def _answer(link: socket.socket) -> tuple[bytes, bool]:
    """Read one answer; its status, and whether the server closes the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = link.recv(65536)
        if not piece:
            raise RuntimeError("the server closed the connection")
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    fields = {
        key.strip().lower(): value.strip() for key, _, value in (row.partition(b":") for row in head.split(b"\r\n"))
    }
    missing = int(fields[b"content-length"]) - len(body)
    while missing > 0:
        missing -= len(link.recv(65536))
    return head.split(b" ", 2)[1], fields.get(b"connection", b"") == b"close"
