"""What an uploaded file is, by its first bytes, and the words for one that is not taken.

Rule: docs/trust.md#2-6. The name is not asked: telephones send a JPEG as .jfif or without an extension. A file that
begins as one of these kinds is drawn anew (`reading`), so whatever else it may be is lost.
"""

from django.conf import settings
from django.utils.functional import lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from kt_remedy.core.errors import Refused

# Kinds that are kept. A document of an earlier release can be a PNG.
MIME = {"pdf": "application/pdf", "jpg": "image/jpeg", "png": "image/png"}
MOST_FILES = 20
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
# A byte-order mark and white space stand before some PDFs, whose other end is looked for by the reader.
_BEFORE_PDF = b"\xef\xbb\xbf\0\t\n\f\r "


def _too_large() -> str:
    return gettext(
        "%(mb)sMB가 넘습니다. 사진 앱에서 크기를 줄여 JPG로 저장하거나, 화면을 캡처하거나, 나누어 올려 주세요."
    ) % {"mb": settings.DOCUMENT_MAX_MB}


def _too_large_together() -> str:
    return gettext("모두 합해 %(mb)sMB가 넘습니다. 여러 번에 나누어 올려 주세요.") % {
        "mb": settings.DOCUMENT_MAX_TOTAL_MB
    }


def _too_many_pages() -> str:
    return gettext("%(pages)s쪽까지 받습니다. 필요한 쪽만 나누어 올려 주세요.") % {"pages": settings.DOCUMENT_MAX_PAGES}


class WrongFile(Refused):
    """A file that is not accepted, by code."""

    sentences = {
        "EMPTY": _("빈 파일입니다. 다시 찍거나 저장해 올려 주세요."),
        "SIZE": lazy(_too_large, str)(),
        "TOTAL": lazy(_too_large_together, str)(),
        "TYPE": _("PDF, JPG, PNG, HEIC, WEBP 파일만 받습니다. 다른 파일은 화면을 캡처하거나 JPG로 저장해 올려 주세요."),
        "BROKEN": _("읽을 수 없는 파일입니다. 사진 앱에서 JPG로 저장하거나, 화면을 캡처하거나, 다시 찍어 주세요."),
        "ACTIVE": _("실행되는 내용이나 첨부 파일이 든 PDF는 받지 않습니다. 화면을 캡처하거나 인쇄해서 찍어 주세요."),
        "LOCKED": _(
            "암호가 걸린 PDF는 열 수 없습니다. 암호를 풀어서 올리거나, 열어서 화면을 캡처한 사진을 올려 주세요."
        ),
        "FONTS": _("글꼴이 들어 있지 않은 PDF라 글자가 보이지 않습니다. 화면을 캡처하거나 인쇄해서 찍어 주세요."),
        "PAGES": lazy(_too_many_pages, str)(),
        "PIXELS": _("사진이 너무 큽니다. 사진 앱에서 크기를 줄여 JPG로 저장하거나 화면을 캡처해 올려 주세요."),
        "MEMORY": _("너무 커서 읽지 못했습니다. 사진 앱에서 크기를 줄여 JPG로 저장하거나 화면을 캡처해 올려 주세요."),
        "TIME": _(
            "읽는 데 너무 오래 걸려 그만두었습니다. 화면을 캡처하거나, JPG로 저장하거나, 쪽을 나누어 올려 주세요."
        ),
        "BUSY": _("지금 다른 서류를 읽고 있습니다. 조금 뒤에 다시 올려 주세요."),
        "LONG": _("한 번에 다 읽지 못했습니다. 여러 번에 나누어 올려 주세요."),
        "VIRUS": _("바이러스 검사에 걸린 파일입니다. 서류를 새로 찍은 사진을 올려 주세요."),
    }


def recognise(data: bytes) -> str:
    """The kind of a file: "pdf", "jpg", "png", "webp", "heic".

    Raises WrongFile: EMPTY, SIZE, TYPE.
    """
    if not data:
        raise WrongFile("EMPTY")
    if len(data) > settings.DOCUMENT_MAX_MB << 20:
        raise WrongFile("SIZE")
    if data.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return "heic"
    if data[:1024].lstrip(_BEFORE_PDF).startswith(b"%PDF-"):
        return "pdf"
    raise WrongFile("TYPE")
