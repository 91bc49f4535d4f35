"""Documents are drawn anew in a child process: what is taken, what is lost on purpose, and which bounds hold."""

import contextlib
import fcntl
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pypdfium2
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from kt_remedy.core import virus_scan
from refunds.applications import documents, file_types, reading, reading_child
from tests.refunds.files import GOLDEN, encoded, image, jpeg, notes, pdf, png

PLAIN = pdf(content="1 0 0 rg 0 421 298 421 re f")
FORM = "/AcroForm<</Fields[5 0 R]/SigFlags 3>>"
SIGNATURE = [
    "<</Type/Annot/Subtype/Widget/FT/Sig/T(s)/Rect[0 0 0 0]/P 4 0 R/V 6 0 R>>",
    "<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/adbe.pkcs7.detached/ByteRange[0 1 2 3]/Contents<00>>>",
]
KOREAN_FONT = [
    "<</Type/Font/Subtype/Type0/BaseFont/HYSMyeongJo-Medium/Encoding/UniKS-UCS2-H/DescendantFonts[6 0 R]>>",
    "<</Type/Font/Subtype/CIDFontType0/BaseFont/HYSMyeongJo-Medium"
    "/CIDSystemInfo<</Registry(Adobe)/Ordering(Korea1)/Supplement 1>>/FontDescriptor 7 0 R>>",
    "<</Type/FontDescriptor/FontName/HYSMyeongJo-Medium/Flags 6/FontBBox[0 0 1000 1000]"
    "/ItalicAngle 0/Ascent 800/Descent -200/CapHeight 700/StemV 80>>",
]
WORDS = "BT /F1 20 Tf {mode} Tr 100 700 Td <D64DAE38> Tj ET"  # 홍길
USED = "/Resources<</Font<</F1 5 0 R>>>>"


def draw(data: bytes) -> reading.Drawing:
    return reading.draw(data, file_types.recognise(data))


def picture(drawing: reading.Drawing) -> Image.Image:
    """The drawn picture, or the first page."""
    if drawing.kind == "jpg":
        return Image.open(io.BytesIO(drawing.data))
    return pypdfium2.PdfDocument(drawing.data)[0].render().to_pil()


def is_red(colour: tuple[int, int, int]) -> bool:
    return colour[0] > 150 and colour[1] < 80 and colour[2] < 80


def corners(shown: Image.Image) -> tuple[bool, bool, bool, bool]:
    """Which quarters are red: upper left, upper right, lower left, lower right."""
    width, height = shown.size
    places = [(x, y) for y in (height // 4, height * 3 // 4) for x in (width // 4, width * 3 // 4)]
    return tuple(is_red(shown.convert("RGB").getpixel(place)) for place in places)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (jpeg(), "jpg"),
        (jpeg(progressive=True), "jpg"),
        (jpeg() + b"PK\x03\x04film", "jpg"),  # telephones append a film
        (encoded(image(), "MPO", save_all=True, append_images=[image()]), "jpg"),  # two pictures of one photograph
        (png(), "jpg"),
        (encoded(image(mode="P"), "PNG"), "jpg"),
        (encoded(image(mode="RGBA"), "PNG"), "jpg"),
        (encoded(image(), "WEBP", lossless=True), "jpg"),
        (jpeg(quality=95), "jpg"),
        (PLAIN, "pdf"),
        (b"\xef\xbb\xbf" + PLAIN, "pdf"),
        (b"\r\n" + PLAIN, "pdf"),
        (PLAIN + b"\0" * 5000 + b"-- sent by a gateway --", "pdf"),
    ],
)
def test_what_is_taken_is_seen_by_a_reviewer(data: bytes, kind: str) -> None:
    drawing = draw(data)
    assert (drawing.kind, drawing.pages, drawing.signed) == (kind, 1, False)
    assert corners(picture(drawing)) == (True, False, False, False)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("photo.jfif", (1200, 900)),
        ("50-megapixels.jpg", (4000, 3000)),
        ("photo.heic", (240, 320)),
        ("photo-48-megapixels.heic", (4000, 3000)),
    ],
)
def test_photographs_as_people_have_them(name: str, size: tuple[int, int]) -> None:
    drawing = draw((GOLDEN / name).read_bytes())
    assert (drawing.kind, picture(drawing).size) == ("jpg", size)


def test_a_pdf_with_an_owner_password_opens_and_one_with_a_user_password_does_not() -> None:
    data = (GOLDEN / "owner-password.pdf").read_bytes()
    assert (draw(data).pages, b"/Encrypt" in draw(data).data) == (1, False)
    with pytest.raises(file_types.WrongFile) as wrong:
        draw(data.replace(b"<43708fb05", b"<53708fb05"))
    assert wrong.value.code == "LOCKED"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_as_it_was_taken(orientation: int) -> None:
    # Where the red quarter is seen, by the standard's eight orientations.
    seen = {1: 0, 2: 1, 3: 3, 4: 2, 5: 0, 6: 1, 7: 3, 8: 2}[orientation]
    shown = picture(draw(jpeg(exif=notes(orientation))))
    assert shown.size == ((80, 60) if orientation < 5 else (60, 80))
    assert corners(shown) == tuple(place == seen for place in range(4))


def test_a_heic_photograph_is_turned_as_it_was_taken() -> None:
    assert corners(picture(draw((GOLDEN / "photo.heic").read_bytes()))) == (False, True, False, False)


@pytest.mark.parametrize(
    "data",
    [
        jpeg(exif=notes(), comment=b"Telephone", icc_profile=b"Telephone"),
        encoded(image(), "PNG", exif=notes(), icc_profile=b"Telephone"),
        encoded(image(), "WEBP", exif=notes(), icc_profile=b"Telephone"),
        (GOLDEN / "photo.heic").read_bytes(),
    ],
)
def test_nothing_is_kept_of_who_took_it_where_and_with_what(data: bytes) -> None:
    assert b"Telephone" in data or b"iCCP" in data
    kept = draw(data).data
    shown = Image.open(io.BytesIO(kept))
    assert (dict(shown.getexif()), dict(shown.getexif().get_ifd(0x8825))) == ({}, {})
    assert set(shown.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert not any(word in kept for word in (b"Telephone", b"Exif", b"ICC_PROFILE", b"GPS"))


def test_a_pdf_keeps_its_pages_as_pictures_and_nothing_else() -> None:
    secret = pdf(pages=3, catalog="/Metadata 5 0 R", more=["<</Type/Metadata/Length 6>>stream\nsecret\nendstream"])
    drawing = draw(secret)
    assert (drawing.kind, drawing.pages) == ("pdf", 3)
    assert not any(word in drawing.data for word in (b"secret", b"/Metadata"))
    kept = pypdfium2.PdfDocument(drawing.data)
    assert [tuple(page.get_size()) for page in kept] == [(595, 842)] * 3
    assert [[type(piece).__name__ for piece in page.get_objects()] for page in kept] == [["PdfImage"]] * 3


def test_a_signature_is_noted_and_lost() -> None:
    drawing = draw(pdf(catalog=FORM, page="/Annots[5 0 R]", more=SIGNATURE))
    assert drawing.signed
    assert b"/Sig" not in drawing.data


def test_words_in_a_font_that_is_not_there_are_not_drawn_as_nothing() -> None:
    with pytest.raises(file_types.WrongFile) as wrong:
        draw(pdf(page=USED, content=WORDS.format(mode=0), more=KOREAN_FONT))
    assert wrong.value.code == "FONTS"
    assert draw(pdf(page=USED, content=WORDS.format(mode=3), more=KOREAN_FONT)).pages == 1  # below a scan: unseen
    latin = ["<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    assert draw(pdf(page=USED, content="BT /F1 20 Tf 100 700 Td (Hong) Tj ET", more=latin)).pages == 1


def test_a_scrolled_screenshot_stays_readable() -> None:
    shown = picture(draw(png(1080, 20_000)))
    assert shown.size == (804, 14_907)  # as many pixels as are kept, in the same shape
    assert picture(draw(png(1080, 11_000))).size == (1080, 11_000)
    assert max(picture(draw(png(20, 90_000))).size) == reading_child.LONGEST_SIDE  # a JPEG has no longer side


def test_sixteen_bits_of_grey_and_a_clear_ground_are_seen() -> None:
    grey = picture(draw(encoded(Image.new("I;16", (40, 40), 40_000), "PNG")))
    assert grey.getpixel((20, 20))[0] == pytest.approx(40_000 >> 8, abs=2)
    clear = picture(draw(encoded(Image.new("RGBA", (40, 40), (0, 0, 0, 0)), "PNG")))
    assert clear.getpixel((20, 20)) == (255, 255, 255)


HOSTILE = {
    "nothing": (b"", "EMPTY"),
    "a picture that is a program": (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "TYPE"),
    "a page named .pdf": (b"<!doctype html><script>x()</script>", "TYPE"),
    "a page with a PDF inside": (b"<!doctype html><script>x()</script>" + PLAIN, "TYPE"),
    "an archive": (b"PK\x03\x04" + b"\0" * 99, "TYPE"),
    "a program": (b"MZ" + b"\0" * 99, "TYPE"),
    "an animation": (encoded(image(), "GIF"), "TYPE"),
    "a header of HEIC": ((GOLDEN / "header-only.heic").read_bytes(), "BROKEN"),
    "half a photograph": (jpeg(400, 400)[:2000], "BROKEN"),
    "half a screenshot": (png(400, 400)[:300], "BROKEN"),
    "half a HEIC": ((GOLDEN / "photo.heic").read_bytes()[:700], "BROKEN"),
    "the start of a photograph": (b"\xff\xd8\xff\xe0\x00", "BROKEN"),
    "half a PDF": (PLAIN[: len(PLAIN) // 2], "BROKEN"),
    "a PDF cut off in a later version": (PLAIN + b"9 0 obj <<", "BROKEN"),
    "no PDF but its ends": (b"%PDF-1.7\n%%EOF", "BROKEN"),
    "no page": (pdf(pages=0), "BROKEN"),
    "100,000 pages": (pdf(pages=100_000), "PAGES"),
    "a bomb of 900 megapixels": (encoded(Image.new("1", (30_000, 30_000)), "PNG"), "PIXELS"),
    "a bomb of 196 megapixels": (encoded(Image.new("1", (14_000, 14_000)), "PNG"), "MEMORY"),
    "a script": (pdf(catalog="/OpenAction<</S/JavaScript/JS(x)>>"), "ACTIVE"),
    "a program to start": (pdf(catalog="/OpenAction<</S/Launch/F(x)>>"), "ACTIVE"),
    "a script under another spelling": (
        pdf(
            catalog="/Names<</J#61vaScript<</Names[(x) 5 0 R]>>>>",
            more=["<</S/J#61vaScript/JS(app.alert)>>"],
        ),
        "ACTIVE",
    ),
    "a file in a PDF": (
        pdf(
            catalog="/Names<</Embedded#46iles<</Names[(x) 5 0 R]>>>>",
            more=["<</Type/Filespec/F(x)/EF<</F 6 0 R>>>>", "<</Type/Embedded#46ile/Length 1>>stream\nx\nendstream"],
        ),
        "ACTIVE",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_refused_and_why(name: str) -> None:
    data, code = HOSTILE[name]
    with pytest.raises(file_types.WrongFile) as wrong:
        draw(data)
    assert wrong.value.code == code


def test_a_picture_that_is_something_else_too_loses_that() -> None:
    both = jpeg(comment=b"<script>x()</script>") + PLAIN + b"PK\x03\x04"
    kept = draw(both).data
    assert not any(word in kept for word in (b"script", b"%PDF", b"PK\x03\x04"))


def test_every_refusal_of_a_file_says_what_to_send_instead() -> None:
    for code in file_types.WrongFile.sentences:
        message = file_types.WrongFile(code).message
        assert message.endswith("주세요."), code
        if code in {"TYPE", "BROKEN", "PIXELS", "MEMORY", "SIZE", "TIME"}:
            assert "JPG로 저장" in message
    raised = {"PIXELS", "BROKEN", "LOCKED", "ACTIVE", "PAGES", "FONTS", "MEMORY"}
    assert raised <= set(file_types.WrongFile.sentences)


def test_limits_are_settings(settings) -> None:
    settings.DOCUMENT_MAX_MB, settings.DOCUMENT_MAX_PAGES, settings.DOCUMENT_MAX_MEGAPIXELS = 1, 2, 1
    assert draw(pdf(pages=2)).pages == 2
    for data, code in {pdf(pages=3): "PAGES", png(1001, 1000): "PIXELS", jpeg() + b"\0" * (1 << 20): "SIZE"}.items():
        with pytest.raises(file_types.WrongFile) as wrong:
            draw(data)
        assert wrong.value.code == code
    assert "1MB" in file_types.WrongFile("SIZE").message
    assert file_types.WrongFile("PAGES").message.startswith("2쪽")


@given(st.binary(max_size=400), st.sampled_from([jpeg(), png(), PLAIN]), st.integers(0, 2000))
@hypothesis_settings(max_examples=25, deadline=None)
def test_damage_gives_a_drawing_or_a_refusal(damage: bytes, data: bytes, at: int) -> None:
    damaged = data[:at] + damage + data[at + len(damage) :]
    with contextlib.suppress(file_types.WrongFile):
        assert draw(damaged).data != damaged


# The bounds of the child ------------------------------------------------------------------------------------------


def child(code: str, *, megabytes: int = 256, seconds: int = 10) -> subprocess.CompletedProcess[bytes]:
    """Run code in a process that is bound as the reader is."""
    begin = f"import runpy; own = runpy.run_path({reading_child.__file__!r}); own['confine']({megabytes}, {seconds})\n"
    return subprocess.run([sys.executable, "-I", "-c", begin + code], capture_output=True, env={}, check=False)


def test_a_child_cannot_take_more_memory() -> None:
    assert child("print(len(bytearray(150 << 20)))").stdout == b"157286400\n"
    greedy = child("bytearray(300 << 20)")
    assert (greedy.returncode, b"MemoryError" in greedy.stderr) == (1, True)
    slow = child("kept = []\nwhile True: kept.append(bytearray(1 << 20))")
    assert (slow.returncode, b"MemoryError" in slow.stderr) == (1, True)


@pytest.mark.parametrize("busy", ["while True: pass", "import time; time.sleep(3600)"])
def test_a_child_ends_at_its_time(busy: str) -> None:
    assert child(busy, seconds=1).returncode in {-signal.SIGALRM, -signal.SIGXCPU, -signal.SIGKILL}


def test_a_child_that_reads_its_document_opens_nothing() -> None:
    after = "own['close_doors']()\ntry:\n    {}\nexcept OSError as error:\n    print(error.errno)"
    for attempt in ("import socket; socket.socket()", "open('/etc/passwd')", "__import__('os').pipe()"):
        setup, _, last = attempt.rpartition("; ")
        done = child(f"{setup}\n{after.format(last)}")
        assert (done.returncode, done.stdout) == (0, b"24\n"), done.stderr


def test_a_child_inherits_no_secret(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("SECRET_OF_TEST", "x")
    show = tmp_path / "show.py"
    show.write_text(
        "import os, sys\n"
        "sys.stdin.buffer.read()\n"
        "listed = [n for n in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{n}')]\n"
        "print(sorted(set(os.environ) - {'LC_CTYPE'}), sorted(map(int, listed)))"
    )
    with open(show) as other, reading._place() as place:
        os.set_inheritable(other.fileno(), True)
        answer, _ = reading._ask([str(show)], b"", place)
    assert answer.decode() == f"[] [0, 1, 2, {place}]\n"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "BROKEN"),
        (b"[]\n", "BROKEN"),
        (b'{"refused": "NO SUCH CODE"}\n', "BROKEN"),
        (b'{"kind": "html", "pages": 1, "signed": false}\n<script>', "BROKEN"),
        (b'{"kind": "pdf", "pages": 1, "signed": false}\n<script>', "BROKEN"),
        (b'{"kind": "jpg"}\n\xff\xd8\xff', "BROKEN"),
        (b'{"refused": "LOCKED"}\n', "LOCKED"),
    ],
)
def test_an_answer_is_believed_only_in_its_form(monkeypatch, answer: bytes, code: str) -> None:
    monkeypatch.setattr(reading, "_ask", lambda *_: (answer, False))
    with pytest.raises(file_types.WrongFile) as wrong:
        reading.draw(b"x", "jpg")
    assert wrong.value.code == code


def test_a_child_that_is_ended_by_its_time_is_told_apart(monkeypatch, tmp_path) -> None:
    script = tmp_path / "late.py"
    script.write_text("import signal, time; signal.alarm(1); time.sleep(3600)")
    monkeypatch.setattr(reading.reading_child, "__file__", str(script))
    with pytest.raises(file_types.WrongFile) as wrong:
        reading.draw(b"x" * (1 << 20), "jpg")
    assert wrong.value.code == "TIME"
    script.write_text("import os; os.abort()")
    with pytest.raises(file_types.WrongFile) as wrong:
        reading.draw(b"x", "jpg")
    assert wrong.value.code == "BROKEN"


@contextlib.contextmanager
def taken(*numbers: int) -> Iterator[None]:
    with contextlib.ExitStack() as held:
        for number in numbers:
            lock = held.enter_context(open(reading.FOLDER / f"{number}.lock", "w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_two_are_read_on_a_machine_and_the_third_is_asked_to_come_again(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(reading, "FOLDER", tmp_path / "places")
    monkeypatch.setattr(reading, "WAIT_SECONDS", 0)
    draw(jpeg())
    with taken(0):
        assert draw(jpeg()).kind == "jpg"
    with taken(0, 1), pytest.raises(file_types.WrongFile) as wrong:
        draw(jpeg())
    assert wrong.value.code == "BUSY"
    assert draw(jpeg()).kind == "jpg"


def test_a_place_is_free_again_when_its_holder_was_killed(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(reading, "FOLDER", tmp_path / "places")
    monkeypatch.setattr(reading, "PLACES", 1)
    monkeypatch.setattr(reading, "WAIT_SECONDS", 0)
    draw(jpeg())
    hold = "import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, 2); print(flush=True); time.sleep(3600)"
    holder = subprocess.Popen([sys.executable, "-c", hold, str(reading.FOLDER / "0.lock")], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    with pytest.raises(file_types.WrongFile):
        draw(jpeg())
    holder.kill()
    holder.communicate()
    assert draw(jpeg()).kind == "jpg"


def test_the_limits_reach_the_child(monkeypatch, settings) -> None:
    asked = {}
    monkeypatch.setattr(reading, "_ask", lambda program, *_: (asked.update(json.loads(program[2])), (b"", False))[1])
    with pytest.raises(file_types.WrongFile):
        reading.draw(b"x", "jpg")
    assert asked == {"megabytes": 256, "seconds": 10, "pixels": 220_000_000, "pages": 30}


# Names and many files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("IMG_0001.HEIC", "IMG_0001.jpg"),
        ("photo.jfif", "photo.jpg"),
        ("1000012345", "1000012345.jpg"),
        ("screenshot.jpg", "screenshot.jpg"),
        ("../../주민 증명.PNG", "주민 증명.jpg"),
        ("C:\\Users\\me\\증명.png", "증명.jpg"),
        ("2026.01.03 등본", "2026.01.03 등본.jpg"),
        ("a.pdf.exe", "a.pdf.jpg"),
        ("증\u200b명\u202egpj.exe", "증명gpj.jpg"),
        (".jpg", "서류.jpg"),
        ("\u200b", "이름 없는 파일.jpg"),
        ("", "이름 없는 파일.jpg"),
    ],
)
def test_the_name_follows_the_content(sent: str, kept: str) -> None:
    assert [document.name for document in documents.read([(sent, jpeg())])] == [kept]


def test_files_are_read_all_or_none_and_in_bounded_time(monkeypatch) -> None:
    with pytest.raises(documents.Refused) as refused:
        documents.read([("good.jpg", jpeg()), ("증명\u200b.pdf", b"x")])
    assert (refused.value.code, refused.value.message.split(":")[0]) == ("FILE", "증명.pdf")
    with pytest.raises(documents.Refused) as refused:
        documents.read([("a.jpg", jpeg())] * (file_types.MOST_FILES + 1))
    assert refused.value.code == "MANY"
    with pytest.raises(documents.Refused) as refused:
        documents.read([])
    assert refused.value.code == "FILE"
    monkeypatch.setattr(documents, "REQUEST_SECONDS", -1)
    with pytest.raises(documents.Refused) as refused:
        documents.read([("a.jpg", jpeg())])
    assert refused.value.code == "LONG"


def test_what_a_virus_scanner_finds_is_not_opened(monkeypatch) -> None:
    monkeypatch.setattr(virus_scan, "scan", lambda data: virus_scan.Finding.FOUND)
    monkeypatch.setattr(reading, "draw", lambda *_: pytest.fail("it was opened"))
    with pytest.raises(documents.Refused, match="바이러스"):
        documents.read([("a.jpg", jpeg())])
    monkeypatch.undo()
    monkeypatch.setattr(virus_scan, "scan", lambda data: virus_scan.Finding.SILENT)
    assert len(documents.read([("a.jpg", jpeg())])) == 1


def test_the_digest_is_that_of_the_original() -> None:
    [one, again, other] = documents.read([("a.jpg", jpeg()), ("b.jpg", jpeg()), ("c.jpg", jpeg() + b"film")])
    assert one.digest == again.digest != other.digest
    assert one.drawing == other.drawing
