"""Documents made to exhaust the reader: each ends within the time and memory of the child, and with words."""

import json
import subprocess
import sys
import time
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from refunds.applications import file_types, reading, reading_child
from refunds.models.applications import Evidence
from tests.refunds import make
from tests.refunds.files import encoded, jpeg, pdf, written
from tests.sessions import as_customer, person

# Pages of the libraries' code are in memory too, and no limit of the kernel counts them.
CODE_MEGABYTES = 32
# The kernel counts the memory of a process from the fork on: a small one has to start the child.
MEASURE = """
import json, os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
answer = child.stdout.read().partition(b"\\n")[0].decode()
_pid, status, used = os.wait4(child.pid, 0)
print(json.dumps([answer, os.waitstatus_to_exitcode(status), used.ru_maxrss / 1024]))
"""


class Measured(NamedTuple):
    """The answer of a child about a document, its exit code, and what it took."""

    refused: str
    ended: int
    megabytes: float
    seconds: float


def measured(data: bytes, kind: str, *, seconds: int = reading.CHILD_SECONDS) -> Measured:
    """Have a document read in a child with the limits of the portal."""
    limits = {"megabytes": reading.CHILD_MEGABYTES, "seconds": seconds, "pixels": 220_000_000, "pages": 30}
    program = [sys.executable, "-I", reading_child.__file__, kind, json.dumps(limits)]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-I", "-c", MEASURE, *program], input=data, capture_output=True, env={}, check=True
    )
    answer, ended, megabytes = json.loads(done.stdout)
    return Measured(json.loads(answer or "{}").get("refused", ""), ended, megabytes, time.monotonic() - began)


def packed(unit: bytes, times: int) -> bytes:
    """The same bytes again and again, as a stream of a PDF that unpacks to a thousand times its size."""
    pack = zlib.compressobj(9)
    return b"".join([*(pack.compress(unit * 4096) for _ in range(times // 4096)), pack.flush()])


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<<%b/Length %d>>stream\n%b\nendstream" % (entries, len(content), content)


def one_page(content: bytes, *more: bytes, entries: bytes = b"", resources: bytes = b"") -> bytes:
    """A PDF of one page; `more` are the objects from 5 on."""
    tree = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[4 0 R]>>"]
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 3 0 R/Resources<<%b>>>>" % resources
    return written([*tree, stream(content, entries), page, *more])


def nested_pages(levels: int) -> bytes:
    """A tree of ten to the power of `levels` pages in a kilobyte: each node names the next one ten times."""
    nodes: list[bytes] = [
        b"<</Type/Pages/Count %d/Kids[%b]>>" % (10 ** (levels - level), b"%d 0 R " % (3 + level) * 10)
        for level in range(levels)
    ]
    return written([b"<</Type/Catalog/Pages 2 0 R>>", *nodes, b"<</Type/Page/MediaBox[0 0 595 842]>>"])


def nested_drawings(levels: int) -> bytes:
    """A page whose drawing draws the next one ten times, and so on: ten to the power of `levels` lines.

    A hundred thousand take longer than ten seconds, and more take too much memory.
    """
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]"
    forms: Sequence[bytes] = [
        stream(b"/X Do " * 10, form + b"/Resources<</XObject<</X %d 0 R>>>>" % (6 + level)) for level in range(levels)
    ]
    last = stream(b"0 0 m 595 842 l S", form)
    return one_page(b"/X Do", *forms, last, resources=b"/XObject<</X 5 0 R>>")


def large_picture(side: int) -> bytes:
    entries = b"/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/ColorSpace/DeviceGray" % (side, side)
    picture = stream(packed(b"\0", side * side), entries + b"/Filter/FlateDecode")
    return one_page(b"595 0 0 842 0 0 cm /I Do", picture, resources=b"/XObject<</I 5 0 R>>")


UNPACKED = b"/Filter/FlateDecode"
# What each ends with: a code of the reader, "" for a drawing, None where the library ends the child itself.
BOMBS: dict[str, tuple[bytes, str, str | None]] = {
    "100,000 pages": (pdf(pages=100_000), "pdf", "PAGES"),
    "100,000 pages in a kilobyte": (nested_pages(5), "pdf", "PAGES"),
    "100,000,000 pages in a kilobyte": (nested_pages(8), "pdf", "BROKEN"),
    "a tree of pages that names itself": (
        written([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 100000/Kids[2 0 R]/Parent 2 0 R>>"]),
        "pdf",
        "PAGES",
    ),
    "100,000 pages that say they are one": (
        pdf(pages=100_000).replace(b"/Count 100000", b"/Count 1     "), "pdf", ""
    ),
    "a content of a gigabyte": (one_page(packed(b"q Q\n", 1 << 28), entries=UNPACKED), "pdf", None),
    "a picture of 900 megapixels in a page": (large_picture(30_000), "pdf", ""),
    "a page of 9,000,000 inches": (pdf().replace(b"595 842", b"9e6 9e6"), "pdf", ""),
    "a picture of 900 megapixels": (encoded(Image.new("1", (30_000, 30_000)), "PNG"), "png", "PIXELS"),
    "a picture of 196 megapixels": (encoded(Image.new("1", (14_000, 14_000)), "PNG"), "png", "MEMORY"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_stays_within_the_limits_of_the_child(name: str) -> None:
    data, kind, code = BOMBS[name]
    child = measured(data, kind)
    assert child.seconds < reading.CHILD_SECONDS
    assert child.megabytes < reading.CHILD_MEGABYTES + CODE_MEGABYTES
    assert (child.refused, child.ended) == (code, 0) if code is not None else child.ended < 0
    if code is None:
        with pytest.raises(file_types.WrongFile) as wrong:
            reading.draw(data, kind)
        assert wrong.value.code == "BROKEN"


def test_a_drawing_without_end_is_ended_at_the_time(monkeypatch) -> None:
    endless = nested_drawings(5)
    child = measured(endless, "pdf", seconds=1)
    assert (child.refused, child.ended < 0, child.seconds < 3) == ("", True, True)
    assert child.megabytes < reading.CHILD_MEGABYTES + CODE_MEGABYTES
    monkeypatch.setattr(reading, "CHILD_SECONDS", 1)
    with pytest.raises(file_types.WrongFile) as wrong:
        reading.draw(endless, "pdf")
    assert wrong.value.code == "TIME"


@pytest.mark.django_db
@pytest.mark.usefixtures("january")
def test_the_customer_reads_why_and_what_to_do() -> None:
    row = make.application(make.line(make.customer(ci="hong"), outcome="REVIEW"), status="REVIEW")
    hong, page = as_customer(Client(), person("hong")), reverse("refunds:documents", args=[row.pk])
    both = jpeg(comment=b"<script>x()</script>") + pdf() + b"PK\x03\x04"
    for data, words in {
        BOMBS["100,000 pages"][0]: "진료 기록.pdf: 30쪽까지 받습니다. 필요한 쪽만 나누어 올려 주세요.",
        BOMBS["a picture of 900 megapixels"][0]: "사진이 너무 큽니다.",
        b"<!doctype html><script>x()</script>" + pdf(): "PDF, JPG, PNG, HEIC, WEBP 파일만 받습니다.",
    }.items():
        answer = hong.post(page, {"files": SimpleUploadedFile("진료 기록.pdf", data)})
        assert (answer.status_code, words in answer.content.decode()) == (422, True), words
    assert not Evidence.objects.exists()
    # A photograph that is a page, a PDF and an archive too is taken as a photograph, and nothing else of it is kept.
    assert hong.post(page, {"files": SimpleUploadedFile("both.html", both)})["Location"] == page
    assert Evidence.objects.get().name == "both.jpg"
