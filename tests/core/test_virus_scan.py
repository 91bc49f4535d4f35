"""ClamAV by its protocol: a stand-in daemon on a socket, none at all, and one that is silent."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from kt_remedy.core import virus_scan
from kt_remedy.core.virus_scan import Finding

DATA = b"document" * 300_000  # more than one piece


def received(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (more := connection.recv(count - len(data))):
        data += more
    return data


@pytest.fixture
def clamd(settings) -> Iterator[Callable[[bytes], list[bytes]]]:
    """Start a daemon that reads one command and answers with these words; gives what it was sent."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        settings.CLAMD_ADDRESS = f"127.0.0.1:{server.getsockname()[1]}"
        threads: list[threading.Thread] = []

        def start(answer: bytes) -> list[bytes]:
            got: list[bytes] = []

            def serve() -> None:
                connection, _ = server.accept()
                with closing(connection):
                    command = received(connection, 6)
                    if command == b"zINSTR":
                        command += received(connection, 4)
                        while size := struct.unpack(">I", received(connection, 4))[0]:
                            got.append(received(connection, size))
                    got.insert(0, command)
                    connection.sendall(answer)

            threads.append(threading.Thread(target=serve))
            threads[-1].start()
            return got

        yield start
        for thread in threads:
            thread.join(10)


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        (b"stream: OK\0", Finding.CLEAN),
        (b"stream: Eicar-Signature FOUND\0", Finding.FOUND),
        (b"INSTREAM size limit exceeded. ERROR\0", Finding.SILENT),
        (b"", Finding.SILENT),
    ],
)
def test_the_whole_document_is_shown_and_the_answer_read(clamd, answer: bytes, finding: Finding) -> None:
    got = clamd(answer)
    assert virus_scan.scan(DATA) is finding
    assert (got[0], b"".join(got[1:])) == (b"zINSTREAM\0", DATA)


def test_whether_it_answers(clamd, settings) -> None:
    clamd(b"PONG\0")
    assert virus_scan.state() is Finding.CLEAN
    clamd(b"who is there\0")
    assert virus_scan.state() is Finding.SILENT
    settings.CLAMD_ADDRESS = ""
    assert virus_scan.state() is virus_scan.scan(DATA) is Finding.NONE


@pytest.mark.parametrize("address", ["unix:/nowhere/clamd.ctl", "127.0.0.1:1", "no address", "host:port"])
def test_one_that_is_not_there_stops_nobody(settings, address: str) -> None:
    settings.CLAMD_ADDRESS = address
    assert virus_scan.scan(DATA) is virus_scan.state() is Finding.SILENT


@pytest.mark.django_db
def test_the_alarm_names_one_that_is_silent(client, settings) -> None:
    settings.CLAMD_ADDRESS = "unix:/nowhere/clamd.ctl"
    answer = client.get("/pulsez")
    assert (answer.status_code, "clamd" in answer.json()["jobs"]) == (503, True)
    settings.CLAMD_ADDRESS = ""
    assert "clamd" not in client.get("/pulsez").json()["jobs"]
