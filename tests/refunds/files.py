"""Documents as people send them, and some that nobody should; `tests/golden/documents` holds those that need a camera.

The two real HEIC files there were made with pillow-heif 1.8.1: a picture with a red quarter, lying on its side, with
the place it was taken; and a grey one of 8064 × 6048 pixels.
"""

import io
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw

from tests.conftest import ROOT

GOLDEN = ROOT / "tests" / "golden" / "documents"
SEOUL = {1: "N", 2: (37.0, 33.0, 58.0), 3: "E", 4: (126.0, 58.0, 41.0)}


def image(size: tuple[int, int] = (80, 60), mode: str = "RGB") -> Image.Image:
    """A white picture whose upper left quarter is red (black where there is no red)."""
    made = Image.new("RGB", size, "white")
    ImageDraw.Draw(made).rectangle((0, 0, size[0] // 2 - 1, size[1] // 2 - 1), fill=(200, 0, 0))
    return made.convert(mode)


def encoded(made: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a picture in one of Pillow's formats."""
    out = io.BytesIO()
    made.save(out, kind, **options)
    return out.getvalue()


def jpeg(width: int = 80, height: int = 60, **options: Any) -> bytes:
    return encoded(image((width, height)), "JPEG", **options)


def png(width: int = 80, height: int = 60) -> bytes:
    return encoded(image((width, height)), "PNG")


def notes(orientation: int = 1) -> Image.Exif:
    """What a telephone writes into a photograph: maker, which side is up, and where it was taken."""
    exif = Image.Exif()
    exif[0x010F] = "Telephone"
    exif[0x0112] = orientation
    exif.get_ifd(0x8825).update(SEOUL)
    return exif


def pdf(*, pages: int = 1, catalog: str = "", page: str = "", content: str = "", more: Sequence[str] = ()) -> bytes:
    """A PDF of A4 pages: object 1 is the catalog, 2 the tree, 3 the content, 4 a page, the rest from 5 on."""
    kids = "4 0 R " * pages
    return written(
        [
            f"<</Type/Catalog/Pages 2 0 R{catalog}>>".encode(),
            f"<</Type/Pages/Count {pages}/Kids[{kids}]>>".encode(),
            f"<</Length {len(content)}>>stream\n{content}\nendstream".encode(),
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 3 0 R{page}>>".encode(),
            *(body.encode() for body in more),
        ]
    )


def written(bodies: Sequence[bytes]) -> bytes:
    """A PDF of these objects, numbered from 1 on; the first is the catalog."""
    out, places = [b"%PDF-1.7\n"], []
    length = len(out[0])
    for number, body in enumerate(bodies, 1):
        places.append(length)
        out.append(b"%d 0 obj\n%b\nendobj\n" % (number, body))
        length += len(out[-1])
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(bodies) + 1
    end = f"trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{length}\n%%EOF\n"
    return b"".join([*out, f"xref\n0 {size}\n0000000000 65535 f \n{table}{end}".encode()])
