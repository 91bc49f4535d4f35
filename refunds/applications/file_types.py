"""Real type of an uploaded file, read from its bytes: PDF, JPEG or PNG, from its beginning to its end.

Rule: docs/trust.md#2-6. Pure. The first bytes and the last must be those of one type, so that a file which is two
things at once is refused or loses the second, and a picture must be small enough to be opened.
"""

import re
import struct

from django.utils.functional import lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from kt_remedy.core.errors import Refused

EXTENSIONS = {"pdf": ("pdf",), "jpg": ("jpg", "jpeg"), "png": ("png",)}
MIME = {"pdf": "application/pdf", "jpg": "image/jpeg", "png": "image/png"}
LARGEST_MB = 10
LARGEST_BYTES = LARGEST_MB * 1024 * 1024
MOST_FILES = 20
LARGEST_PIXELS = 25_000_000
_STARTS = {"pdf": b"%PDF-", "jpg": b"\xff\xd8\xff", "png": b"\x89PNG\r\n\x1a\n"}
_MARKER = re.compile(rb"\xff+([\x01-\xfe])", re.DOTALL)
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
# Contents that no proof needs: scripts, programs and embedded files.
_ACTIVE = re.compile(rb"/(?:JavaScript|Launch|EmbeddedFile|RichMedia)\b")


def _too_large() -> str:
    return gettext("%(mb)sMB가 넘습니다. 더 작게 찍거나 나누어 올려 주세요.") % {"mb": LARGEST_MB}


class WrongFile(Refused):
    """A file that is not accepted, by code."""

    sentences = {
        "EMPTY": _("빈 파일입니다."),
        "SIZE": lazy(_too_large, str)(),
        "TYPE": _("PDF, JPG, PNG 파일만 받습니다."),
        "NAME": _("파일 이름의 끝(.pdf, .jpg, .png)이 내용과 다릅니다."),
        "BROKEN": _("깨진 파일입니다. 다시 찍거나 저장해 주세요."),
        "ACTIVE": _("실행되는 내용이 든 PDF는 받지 않습니다. 인쇄해서 찍거나 다시 저장해 주세요."),
        "LOCKED": _("암호가 걸린 PDF는 열 수 없습니다. 암호를 풀어서 올려 주세요."),
        "PIXELS": _("사진이 너무 큽니다. 더 작게 찍어 주세요."),
    }


def checked(data: bytes, name: str) -> tuple[str, bytes]:
    """Check a whole file against its name; returns its type ("pdf", "jpg", "png") and the bytes to keep.

    Data that phones append to a photograph is cut off. Raises WrongFile.
    """
    if not data:
        raise WrongFile("EMPTY")
    if len(data) > LARGEST_BYTES:
        raise WrongFile("SIZE")
    kind = next((kind for kind, start in _STARTS.items() if data.startswith(start)), "")
    if not kind:
        raise WrongFile("TYPE")
    if name.rpartition(".")[2].lower() not in EXTENSIONS[kind]:
        raise WrongFile("NAME")
    if kind == "pdf":
        _check_pdf(data)
    elif kind == "png":
        _check_png(data)
    else:
        data = data[: _end_of_jpeg(data)]
    return kind, data


def _check_pdf(data: bytes) -> None:
    if not data.rstrip(b"\0\r\n\t ").endswith(b"%%EOF"):
        raise WrongFile("BROKEN")
    if _ACTIVE.search(data):
        raise WrongFile("ACTIVE")
    if re.search(rb"/Encrypt\b", data):
        raise WrongFile("LOCKED")


def _check_png(data: bytes) -> None:
    if not data.endswith(_PNG_END) or data[12:16] != b"IHDR" or data.count(_PNG_END) != 1:
        raise WrongFile("BROKEN")
    _check_pixels(*struct.unpack(">II", data[16:24]))


def _end_of_jpeg(data: bytes) -> int:
    """Walk the segments and scans to the end of the picture, past the frame header that holds its size."""
    at, sized = 2, False
    while (segment := _MARKER.match(data, at)) is not None:
        marker = segment[1][0]
        at = segment.end()
        if marker == 0xD9 and sized:
            return at
        if at + 7 > len(data):
            break
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", data[at + 3 : at + 7])
            _check_pixels(width, height)
            sized = True
        at += struct.unpack(">H", data[at : at + 2])[0]
        if marker == 0xDA:
            # The data of a scan follow its head. In them FF begins a marker unless 0 or a restart code follows.
            following = _AFTER_SCAN.search(data, at)
            at = following.start() if following else len(data)
    raise WrongFile("BROKEN")


def _check_pixels(width: int, height: int) -> None:
    if width * height == 0:
        raise WrongFile("BROKEN")
    if width * height > LARGEST_PIXELS:
        raise WrongFile("PIXELS")
