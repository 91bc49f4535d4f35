"""The process that reads one document: a program of its own, started by `refunds.applications.reading`.

It decodes what strangers send, so it has a bound on memory and time, an empty environment and, once it has read its
input, no way to open a file or a connection. It imports neither Django nor the portal. What it gives back is
drawn anew, pixel by pixel: a JPEG for a picture, a PDF of JPEGs for a PDF. Nothing else of the original remains.

Arguments: the kind of the document and the limits as JSON. Input: the document. Output: a line of JSON, then the bytes.
"""

import codecs
import importlib
import io
import json
import math
import re
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from PIL import Image, ImageOps

# Drawn size of a page: small print of a certificate is legible at 200 dots per inch, and A4 then has 3.9 megapixels.
DOTS_PER_INCH = 200
PAGE_PIXELS = 4_000_000
# A picture keeps this much: 360 dots per inch over A4; a scrolled screenshot of 1080 × 11,000 pixels stays as it is.
KEPT_PIXELS = 12_000_000
# A decoded pixel takes four bytes, and the kept picture stands beside the decoded one.
DECODED_PIXELS = 32_000_000
LONGEST_SIDE = 65_000  # of a JPEG: 65,535
QUALITY = 85
ROWS = 64  # drawn at once, so that a picture is never in memory twice

# Contents that no proof needs: scripts, programs and embedded files.
_ACTIVE = re.compile(rb"/(?:JavaScript|Launch|EmbeddedFile|RichMedia)\b")
_INVISIBLE = 3  # the render mode of the words that a scanner lays under its picture
_HANGUL_JAMO = 0x1100  # letters from here on are in no font that PDFium brings along


class Unreadable(Exception):
    """A document that is not taken; the code is one of `file_types.WrongFile`."""


def confine(megabytes: int, seconds: int) -> None:
    """Bound memory and time of this process for good; the kernel ends it at the bound of time."""
    memory = megabytes << 20
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_AS, (2 * memory, 2 * memory))  # the code of libraries counts here too
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold the document
    signal.alarm(seconds)


def close_doors() -> None:
    """No file and no socket can be opened from here on; those that are open stay usable."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def draw_picture(data: bytes, kind: str, most_pixels: int) -> bytes:
    """A picture as a JPEG, turned as its notes say and without them. Raises Unreadable: PIXELS, MEMORY."""
    picture, turn = (_heif if kind == "heic" else _decoded)(data, most_pixels)
    picture.getexif()[0x0112] = turn
    ImageOps.exif_transpose(picture, in_place=True)
    return _jpeg(picture)


def _decoded(data: bytes, most_pixels: int) -> tuple[Image.Image, int]:
    Image.MAX_IMAGE_PIXELS = None  # the limit is checked here
    with Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "WEBP"]) as source:
        _check_pixels(source.size, most_pixels)
        turn = source.getexif().get(0x0112, 1)
        width, height = source.size
        if source.format != "PNG":  # a JPEG is decoded at half, a quarter or an eighth; the others ignore this
            part = next((n for n in (1, 2, 4) if width * height <= DECODED_PIXELS * n * n), 8)
            source.draft(None, (max(1, width // part), max(1, height // part)))
        source.load()
        return _scaled(source.size, lambda top, bottom: source.crop((0, top, source.width, bottom))), turn


def _heif(data: bytes, most_pixels: int) -> tuple[Image.Image, int]:
    import pi_heif

    pi_heif.options.DECODE_THREADS = 1
    file = pi_heif.HeifFile(io.BytesIO(data), convert_hdr_to_8bit=True, remove_stride=False)
    source = file[file.primary_index]
    _check_pixels(source.size, most_pixels)
    pixels = source.data  # decoded here, and turned; after that the size is the real one

    def strip(top: int, bottom: int) -> Image.Image:
        rows = pixels[top * source.stride : bottom * source.stride]
        size = (source.size[0], bottom - top)
        return Image.frombuffer(source.mode, size, rows, "raw", source.mode, source.stride, 1)

    return _scaled(source.size, strip), 1


def _check_pixels(size: tuple[int, int], most_pixels: int) -> None:
    if size[0] * size[1] > most_pixels:
        raise Unreadable("PIXELS")


def _scaled(size: tuple[int, int], strip: Callable[[int, int], Image.Image]) -> Image.Image:
    """A picture of KEPT_PIXELS at most on a white ground, drawn from rows `strip(top, bottom)` of the original."""
    width, height = size
    shrink = min(1, math.sqrt(KEPT_PIXELS / (width * height)), LONGEST_SIDE / max(size))
    drawn = Image.new("RGB", (max(1, int(width * shrink)), max(1, int(height * shrink))))
    for row in range(0, drawn.height, ROWS):
        rows = min(ROWS, drawn.height - row)
        top, bottom = row * height / drawn.height, min((row + rows) * height / drawn.height, height)
        first = int(top)
        part = _on_white(strip(first, math.ceil(bottom)))
        box = (0, top - first, width, bottom - first)
        drawn.paste(part.resize((drawn.width, rows), Image.Resampling.BOX, box), (0, row))
    return drawn


def _on_white(part: Image.Image) -> Image.Image:
    if part.mode.startswith("I"):  # sixteen bits of grey
        return part.convert("I").point([value >> 8 for value in range(65536)], "L").convert("RGB")
    if not part.has_transparency_data:
        return part.convert("RGB")
    part = part.convert("RGBA")
    ground = Image.new("RGB", part.size, "white")
    ground.paste(part, mask=part.getchannel("A"))
    return ground


def _jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def draw_pages(data: bytes, most_pages: int) -> tuple[bytes, int, bool]:
    """A PDF whose pages are pictures of those of the original; their number; whether the original was signed.

    An empty password opens it. Raises Unreadable: BROKEN, LOCKED, ACTIVE, PAGES, FONTS.
    """
    import pypdfium2 as pdfium
    from pypdfium2 import raw

    pdf, end, rest = data.rpartition(b"%%EOF")
    if not end or b" obj" in rest:
        raise Unreadable("BROKEN")  # it was cut off, and PDFium would guess what is missing
    try:
        source = pdfium.PdfDocument(pdf + end)
    except pdfium.PdfiumError as error:
        raise Unreadable("LOCKED" if error.err_code == raw.FPDF_ERR_PASSWORD else "BROKEN") from None
    source.init_forms()  # what was typed into a form is drawn too; its scripts do not run
    if _ACTIVE.search(data) or raw.FPDFDoc_GetJavaScriptActionCount(source) > 0 or source.count_attachments() > 0:
        raise Unreadable("ACTIVE")
    count = len(source)
    if count > most_pages:
        raise Unreadable("PAGES")
    if count == 0:
        raise Unreadable("BROKEN")
    drawn = pdfium.PdfDocument.new()
    for page in source:
        _check_fonts(page, raw)
        width, height = page.get_size()
        if min(width, height) < 1:
            raise Unreadable("BROKEN")
        scale = min(DOTS_PER_INCH / 72, math.sqrt(PAGE_PIXELS / (width * height)), LONGEST_SIDE / max(width, height))
        picture = _jpeg(page.render(scale=scale, rev_byteorder=True).to_pil().convert("RGB"))
        page.close()
        sheet = drawn.new_page(width, height)
        image = pdfium.PdfImage.new(drawn)
        image.load_jpeg(io.BytesIO(picture), inline=True)
        image.set_matrix(pdfium.PdfMatrix().scale(width, height))
        sheet.insert_obj(image)
        sheet.gen_content()
        sheet.close()
    out = io.BytesIO()
    drawn.save(out)
    return out.getvalue(), count, raw.FPDF_GetSignatureCount(source) > 0


def _check_fonts(page: Any, raw: Any) -> None:
    """Refuse a page with visible Korean words in a font that the file does not hold: it would be drawn without them."""
    words = page.get_textpage()
    for piece in page.get_objects(filter=[raw.FPDF_PAGEOBJ_TEXT], textpage=words):
        if piece.get_font().is_embedded or raw.FPDFTextObj_GetTextRenderMode(piece) == _INVISIBLE:
            continue
        if any(ord(letter) >= _HANGUL_JAMO for letter in piece.extract()):
            raise Unreadable("FONTS")


def read(data: bytes, kind: str, limits: dict[str, int]) -> tuple[dict[str, Any], bytes]:
    """The answer about a document and the bytes to keep."""
    try:
        if kind == "pdf":
            kept, pages, signed = draw_pages(data, limits["pages"])
            return {"kind": "pdf", "pages": pages, "signed": signed}, kept
        return {"kind": "jpg", "pages": 1, "signed": False}, draw_picture(data, kind, limits["pixels"])
    except Unreadable as unreadable:
        return {"refused": str(unreadable)}, b""
    except MemoryError:
        return {"refused": "MEMORY"}, b""
    except Exception as error:  # decoders raise whatever they like about a broken file
        return {"refused": "MEMORY" if "memory" in str(error).lower() else "BROKEN"}, b""


def load_modules(kind: str) -> None:
    """Load what the kind needs while files can be opened, and nothing else: it counts as memory."""
    importlib.import_module({"pdf": "pypdfium2", "heic": "pi_heif"}.get(kind, "PIL.MpoImagePlugin"))
    importlib.import_module("PIL.WebPImagePlugin")
    importlib.import_module("PIL.TiffImagePlugin")  # EXIF is written as TIFF
    Image.preinit()
    for encoding in ("ascii", "latin-1", "utf-16-le", "utf-16-be"):  # of words in notes and on pages
        codecs.lookup(encoding)


def main() -> NoReturn:
    """Read the input within the limits and answer."""
    kind, limits = sys.argv[1], json.loads(sys.argv[2])
    confine(limits["megabytes"], limits["seconds"])
    load_modules(kind)
    data = sys.stdin.buffer.read()
    close_doors()
    answer, kept = read(data, kind, limits)
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + kept)
    sys.stdout.buffer.flush()
    sys.exit(0)


if __name__ == "__main__":
    main()
