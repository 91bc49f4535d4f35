"""Pages of kept documents as pictures that carry the mark of the person who looks.

It opens drawings of ours only (`reading`), never what a stranger sent.
"""

import io

from PIL import Image, ImageDraw, ImageFont

# The drawings hold their pages in 200 dots per inch, a point being one of 72.
_SCALE = 200 / 72
_WIDEST = 1600
_QUALITY = 80


def page(data: bytes, kind: str, number: int, *, mark: str) -> bytes | None:
    """Page `number` (from 1) of a kept document of kind "jpg" or "pdf" as a JPEG, with `mark` drawn over it.

    None where there is no such page. `mark` is ASCII and a middle dot: the font has no other letters.
    """
    picture = _pdf_page(data, number) if kind == "pdf" else _picture(data, number)
    if picture is None:
        return None
    picture.thumbnail((_WIDEST, _WIDEST * 8))
    _stamp(picture, mark)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _pdf_page(data: bytes, number: int) -> Image.Image | None:
    import pypdfium2 as pdfium  # 6 MB that only the processes need which draw a page

    document = pdfium.PdfDocument(data)
    try:
        if not 1 <= number <= len(document):
            return None
        return document[number - 1].render(scale=_SCALE, rev_byteorder=True).to_pil().convert("RGB")
    finally:
        document.close()


def _picture(data: bytes, number: int) -> Image.Image | None:
    return Image.open(io.BytesIO(data)).convert("RGB") if number == 1 else None


def _stamp(picture: Image.Image, mark: str) -> None:
    """Draw the mark aslant and faint over the whole page, so that no part of it can be cut out without one."""
    size = max(16, picture.width // 28)
    font = ImageFont.load_default(size)
    width = int(font.getlength(mark)) + size * 4
    tile = Image.new("L", (width, size * 7), 0)
    ImageDraw.Draw(tile).text((size * 2, size * 2), mark, fill=110, font=font)
    layer = Image.new("L", (picture.width * 2, picture.height * 2), 0)
    for top in range(0, layer.height, tile.height):
        for left in range(-width * (top // tile.height % 2) // 2, layer.width, width):
            layer.paste(tile, (left, top))
    layer = layer.rotate(20)
    left, top = picture.width // 2, picture.height // 2
    shade = layer.crop((left, top, left + picture.width, top + picture.height))
    picture.paste((96, 112, 120), mask=shade)
