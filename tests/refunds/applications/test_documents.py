"""Documents: what is taken, where it lies, who gets it out again and when it goes."""

import struct
import zlib
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from kt_remedy.audit.models import AuditEntry
from refunds.applications import documents, file_types, objections, reviews
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Evidence, Objection
from tests.refunds import make
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = pytest.mark.usefixtures("january")

PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"


def png(width: int = 2, height: int = 2) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 6)) + chunk(b"IEND", b"")


def jpeg(width: int = 2, height: int = 2) -> bytes:
    """The segments of a photograph: its notes with another picture's end in them, frame, scan with a stuffed byte."""
    note = b"\xff\xe1" + struct.pack(">H", 2 + 6) + b"Exif\xff\xd9"
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 8 + 3, 8, height, width, 1) + b"\x01\x11\x00"
    scan = b"\xff\xda" + struct.pack(">HB", 8, 1) + b"\x01\x00\x00\x3f\x00" + b"\x12\xff\x00\x34\xff\xd0\x56"
    return b"\xff\xd8" + note + frame + scan + b"\xff\xd9"


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.pdf", b"", "EMPTY"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "TYPE"),
        ("a.pdf", b"PK\x03\x04" + b"\0" * 99, "TYPE"),
        ("a.html", PDF, "NAME"),
        ("a.pdf.exe", PDF, "NAME"),
        ("a.png", jpeg(), "NAME"),
        ("a", png(), "NAME"),
        ("a.pdf", PDF + b"PK\x03\x04", "BROKEN"),
        ("a.pdf", PDF.replace(b"<<>>", b"<</S/JavaScript/JS(x)>>", 1), "ACTIVE"),
        ("a.pdf", PDF.replace(b"trailer <<>>", b"trailer <</Encrypt 9 0 R>>"), "LOCKED"),
        ("a.png", png() + b"<script>", "BROKEN"),
        ("a.png", png()[:-4], "BROKEN"),
        ("a.png", png(5001, 5000), "PIXELS"),
        ("a.png", png(0, 5), "BROKEN"),
        ("a.jpg", jpeg(6000, 6000), "PIXELS"),
        ("a.jpg", jpeg()[:-2], "BROKEN"),
        ("a.jpg", b"\xff\xd8\xff\xe0\x00", "BROKEN"),
        ("a.jpg", b"\xff\xd8\xff\xd9", "BROKEN"),
    ],
)
def test_what_is_not_taken(name: str, data: bytes, code: str) -> None:
    with pytest.raises(file_types.WrongFile) as wrong:
        file_types.checked(data, name)
    assert wrong.value.code == code


def test_what_is_taken() -> None:
    assert file_types.checked(PDF, "증명.PDF") == ("pdf", PDF)
    assert file_types.checked(png(5000, 5000), "a.png")[0] == "png"
    assert file_types.checked(jpeg(), "a.JPEG") == ("jpg", jpeg())
    # A film behind the photograph, as phones write it, does not come along; nor does anything else.
    assert file_types.checked(jpeg() + b"PK\x03\x04film", "a.jpg") == ("jpg", jpeg())


def on_disk() -> list[Path]:
    return sorted(path for path in Path(settings.MEDIA_ROOT, "evidence").rglob("*") if path.is_file())


def asked_for_documents(holder) -> Application:
    row = make.application(make.line(holder, outcome="REVIEW", reasons="REVIEW_NAME_TRANSFER"), status="REVIEW")
    reviews.review(
        application_id=row.pk, reviewer=staff_user("reviewer"), act="ASK_DOCUMENTS", reason="가족관계증명서를 내 주세요"
    )
    row.refresh_from_db()
    return row


@pytest.mark.django_db
def test_a_customer_sends_what_was_asked_for_and_a_reviewer_reads_it() -> None:
    row = asked_for_documents(make.customer(ci="hong"))
    hong = as_customer(Client(), person("hong"))
    page = reverse("refunds:documents", args=[row.pk])
    assert page in hong.get(reverse("refunds:application", args=[row.pk])).content.decode()
    assert "가족관계증명서를 내 주세요" in hong.get(page).content.decode()
    assert hong.post(page, {"done": "1"})["Location"] == page  # nothing there yet
    assert "빈 파일" in hong.post(page, {"files": SimpleUploadedFile("a.pdf", b"")}).content.decode()
    assert hong.post(page, {}).status_code == 422
    before = len(on_disk())
    sent = [SimpleUploadedFile("../../주민 증명.pdf", PDF), SimpleUploadedFile("b.jpg", jpeg())]
    assert hong.post(page, {"files": sent})["Location"] == page
    hong.post(page, {"files": SimpleUploadedFile("again.pdf", PDF)})  # the same document once more
    assert sorted(e.kind for e in Evidence.objects.all()) == ["jpg", "pdf"]
    files = on_disk()
    assert len(files) == before + 2
    assert not any(PDF in path.read_bytes() or "pdf" in path.name for path in files)
    assert hong.post(page, {"done": "1"})["Location"] == reverse("refunds:application", args=[row.pk])
    row.refresh_from_db()
    assert (row.status, row.documents_due_on) == ("REVIEW", None)

    document = Evidence.objects.get(kind="pdf")
    assert document.name == "주민 증명.pdf"
    take = reverse("refunds:evidence", args=[document.pk])
    case = reverse("refunds:review-case", args=[row.pk])
    reader = as_staff(Client(), staff_user("reviewer"))
    assert "주민 증명.pdf" in reader.get(case).content.decode()
    assert reader.post(take, {"reason": " ", "back": case})["Location"] == case
    assert reader.post(take, {"reason": "", "back": "https://elsewhere.test/"})["Location"] == reverse("refunds:review")
    assert not AuditEntry.objects.filter(action="evidence.taken_out").exists()
    answer = reader.post(take, {"reason": "심사"})
    assert answer.content == PDF
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert answer["X-Content-Type-Options"] == "nosniff"
    entry = AuditEntry.objects.get(action="evidence.taken_out")
    assert (entry.subject, entry.reason) == (row.line.customer_id, "심사")
    assert as_staff(Client(), staff_user("clerk")).post(take, {"reason": "x"}).status_code == 403


@pytest.mark.django_db
def test_whose_documents_and_how_many() -> None:
    row = asked_for_documents(make.customer(ci="hong"))
    stranger, mine = person("stranger").ci_index, person("hong").ci_index
    for code, attempt in {
        "UNKNOWN": lambda: documents.add(application_id=row.pk, person_index=stranger, files=[("a.pdf", PDF)]),
        "OWN_CASE": lambda: documents.add(
            application_id=row.pk, staff=staff_user("agent", username="own", ci="hong"), files=[("a.pdf", PDF)]
        ),
        "FILE": lambda: documents.add(
            application_id=row.pk, person_index=mine, files=[("a.pdf", PDF), ("b.pdf", b"x")]
        ),
        "MANY": lambda: documents.add(
            application_id=row.pk, person_index=mine, files=[(f"{n}.png", png(2, n)) for n in range(1, 22)]
        ),
    }.items():
        before = on_disk()
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.code == code
        assert (Evidence.objects.count(), on_disk()) == (0, before)  # none of them, no file left behind
    large = png(2, 2)[:-12] + b"\0" * (10 * 1024 * 1024)
    with pytest.raises(Refused, match="10MB"):
        documents.add(application_id=row.pk, person_index=mine, files=[("large.png", large)])
    assert len(documents.add(
        application_id=row.pk, person_index=mine, files=[(f"{n}.png", png(2, n)) for n in range(1, 21)]
    )) == 20  # fmt: skip
    Application.objects.filter(pk=row.pk).update(status="REVIEW")
    reviews.review(application_id=row.pk, reviewer=staff_user("reviewer"), act="REJECT", reason="아님")
    with pytest.raises(Refused) as refused:
        documents.add(application_id=row.pk, person_index=mine, files=[("z.pdf", PDF)])
    assert refused.value.code == "STATE"


@pytest.mark.django_db
def test_an_objection_comes_with_documents_or_not_at_all() -> None:
    line = make.line(make.customer(ci="hong"), outcome="NOT_ELIGIBLE", reasons="NEW_AFTER_BASE", refundable_krw=0)
    hong, page = as_customer(Client(), person("hong")), reverse("refunds:object", args=[line.pk])
    bad = {"words": "기기만 바꿨습니다", "files": SimpleUploadedFile("a.pdf", b"MZ")}
    answer = hong.post(page, bad)
    assert (answer.status_code, Objection.objects.count()) == (422, 0)
    assert "기기만 바꿨습니다" in answer.content.decode()  # what was typed is still there
    assert hong.post(page, bad | {"files": SimpleUploadedFile("a.pdf", PDF)})["Location"] == page
    assert hong.post(page, {"files": SimpleUploadedFile("b.png", png())})["Location"] == page
    row = Objection.objects.get()
    assert [document.name for document in documents.of_objection(row)] == ["a.pdf", "b.png"]
    assert "b.png" in hong.get(page).content.decode()
    reviewer = as_staff(Client(), staff_user("reviewer"))
    assert "a.pdf" in reviewer.get(reverse("refunds:review-objection", args=[row.pk])).content.decode()
    objections.answer_objection(
        objection_id=row.pk, reviewer=staff_user("reviewer"), uphold=False, answer="그대로입니다"
    )
    with pytest.raises(Refused) as refused:
        documents.add_to_objection(
            objection_id=row.pk, person_index=person("hong").ci_index, files=[("c.pdf", PDF + b"\n")]
        )
    assert refused.value.code == "STATE"


@pytest.mark.django_db
def test_documents_go_some_months_after_the_case_is_over(at, settings) -> None:
    row = asked_for_documents(make.customer(ci="hong"))
    [document] = documents.add(application_id=row.pk, person_index=person("hong").ci_index, files=[("a.pdf", PDF)])
    documents.return_to_review(application_id=row.pk, person_index=person("hong").ci_index)
    [path] = [path for path in on_disk() if path.name == document.pk.hex]
    at("2026-09-01T10:00+09:00")
    assert documents.wipe() == 0  # however old: nothing is decided yet
    reviews.review(application_id=row.pk, reviewer=staff_user("reviewer"), act="REJECT", reason="아님")
    at("2027-02-27T10:00+09:00")
    assert documents.wipe() == 0
    at("2027-03-01T10:00+09:00")
    assert documents.wipe() == 1
    document.refresh_from_db()
    assert (document.name, document.file_key, path.exists()) == (None, None, False)
    with pytest.raises(Refused) as refused:
        documents.take_out(evidence_id=document.pk, staff=staff_user("auditor"), reason="x")
    assert refused.value.code == "GONE"
    assert documents.wipe() == 0
