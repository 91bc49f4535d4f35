"""Documents: what is taken, where it lies, who gets it out again and when it goes."""

from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import file_stores
from refunds.applications import documents, reading
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Evidence, Objection
from tests.refunds import make, reviewing
from tests.refunds.files import GOLDEN, jpeg, pdf, png
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = pytest.mark.usefixtures("january", "no_sample")

PDF = pdf()


def on_disk() -> list[Path]:
    return sorted(path for path in Path(settings.UPLOADS_DIR, "evidence").rglob("*") if path.is_file())


def asked_for_documents(holder) -> Application:
    row = make.application(make.line(holder, outcome="REVIEW", reasons="REVIEW_NAME_TRANSFER"), status="REVIEW")
    reviewing.review(
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
    assert "- 가족관계증명서" in hong.get(page).content.decode()
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
    assert (document.name, document.pages, document.signed) == ("주민 증명.pdf", 1, False)
    take = reverse("refunds:evidence", args=[document.pk])
    case = reverse("refunds:review-case", args=[row.pk])
    reader = as_staff(Client(), staff_user("reviewer"))
    assert "주민 증명.pdf" in reader.get(case).content.decode()
    assert "1쪽" in reader.get(case).content.decode()
    assert reader.post(take, {"reason": " ", "back": case})["Location"] == case
    assert reader.post(take, {"reason": "", "back": "https://elsewhere.test/"})["Location"] == reverse("refunds:review")
    assert not AuditEntry.objects.filter(action="evidence.taken_out").exists()
    answer = reader.post(take, {"reason": "심사"})
    assert answer.content.startswith(b"%PDF-")
    assert answer.content != PDF  # its pages, drawn anew
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert answer["X-Content-Type-Options"] == "nosniff"
    entry = AuditEntry.objects.get(action="evidence.taken_out")
    assert (entry.subject, entry.reason) == (row.line.customer_id, "심사")
    assert as_staff(Client(), staff_user("clerk")).post(take, {"reason": "x"}).status_code == 403


@pytest.mark.django_db
def test_whose_documents_and_how_many() -> None:
    row = asked_for_documents(make.customer(ci="hong"))
    drawing = reading.Drawing("jpg", jpeg(), 1, False)

    def made(count: int) -> list[documents.Document]:
        return [documents.Document(f"{n}.jpg", drawing, n.to_bytes(32, "big")) for n in range(count)]

    stranger, mine = person("stranger").ci_index, person("hong").ci_index
    for code, attempt in {
        "UNKNOWN": lambda: documents.add(
            application_id=row.pk, person_index=stranger, files=documents.read([("a.pdf", PDF)])
        ),
        "OWN_CASE": lambda: documents.add(
            application_id=row.pk,
            staff=staff_user("agent", username="own", ci="hong"),
            files=documents.read([("a.pdf", PDF)]),
        ),
        "FILE": lambda: documents.add(
            application_id=row.pk, person_index=mine, files=documents.read([("a.pdf", PDF), ("b.pdf", b"x")])
        ),
        "MANY": lambda: documents.add(application_id=row.pk, person_index=mine, files=made(21)),
    }.items():
        before = on_disk()
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.code == code
        assert (Evidence.objects.count(), on_disk()) == (0, before)  # none of them, no file left behind
    with pytest.raises(Refused, match="30MB"):
        documents.read([("large.png", png() + b"\0" * (30 << 20))])
    assert len(documents.add(application_id=row.pk, person_index=mine, files=made(20))) == 20
    Application.objects.filter(pk=row.pk).update(status="REVIEW")
    reviewing.review(application_id=row.pk, reviewer=staff_user("reviewer"), act="REJECT", reason="아님")
    with pytest.raises(Refused) as refused:
        documents.add(application_id=row.pk, person_index=mine, files=made(1))
    assert refused.value.code == "STATE"


@pytest.mark.django_db
def test_an_objection_comes_with_documents_or_not_at_all() -> None:
    line = make.line(make.customer(ci="hong"), outcome="NOT_ELIGIBLE", reasons="NEW_AFTER_BASE", refundable_krw=0)
    hong, page = as_customer(Client(), person("hong")), reverse("refunds:object", args=[line.pk])
    bad = {"kind": "OTHER", "words": "기기만 바꿨습니다", "files": SimpleUploadedFile("a.pdf", b"MZ")}
    answer = hong.post(page, bad)
    assert (answer.status_code, Objection.objects.count()) == (422, 0)
    assert "기기만 바꿨습니다" in answer.content.decode()  # what was typed is still there
    assert hong.post(page, bad | {"files": SimpleUploadedFile("a.pdf", PDF)})["Location"] == page
    assert hong.post(page, {"files": SimpleUploadedFile("b.png", png())})["Location"] == page
    row = Objection.objects.get()
    assert [document.name for document in documents.of_objection(row)] == ["a.pdf", "b.jpg"]
    assert "b.jpg" in hong.get(page).content.decode()
    reviewer = as_staff(Client(), staff_user("reviewer"))
    assert "a.pdf" in reviewer.get(reverse("refunds:review-objection", args=[row.pk])).content.decode()
    reviewing.answer_objection(
        objection_id=row.pk, reviewer=staff_user("reviewer"), uphold=False, answer="그대로입니다"
    )
    with pytest.raises(Refused) as refused:
        documents.add_to_objection(
            objection_id=row.pk, person_index=person("hong").ci_index, files=documents.read([("c.pdf", PDF + b"\n")])
        )
    assert refused.value.code == "STATE"


@pytest.mark.django_db
def test_documents_go_some_months_after_the_case_is_over(at, settings) -> None:
    row = asked_for_documents(make.customer(ci="hong"))
    [document] = documents.add(
        application_id=row.pk, person_index=person("hong").ci_index, files=documents.read([("a.pdf", PDF)])
    )
    documents.return_to_review(application_id=row.pk, person_index=person("hong").ci_index)
    [path] = [path for path in on_disk() if path.name == document.pk.hex]
    at("2026-09-01T10:00+09:00")
    assert documents.wipe() == 0  # however old: nothing is decided yet
    reviewing.review(application_id=row.pk, reviewer=staff_user("reviewer"), act="REJECT", reason="아님")
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


@pytest.mark.django_db
def test_a_busy_machine_loses_nothing(monkeypatch) -> None:
    line = make.line(make.customer(ci="hong"), outcome="NOT_ELIGIBLE", reasons="NEW_AFTER_BASE", refundable_krw=0)
    hong, page = as_customer(Client(), person("hong")), reverse("refunds:object", args=[line.pk])
    monkeypatch.setattr(reading, "PLACES", 0)
    monkeypatch.setattr(reading, "WAIT_SECONDS", 0)
    answer = hong.post(page, {"kind": "OTHER", "words": "기기만 바꿨습니다", "files": SimpleUploadedFile("a.pdf", PDF)})
    assert (answer.status_code, Objection.objects.count(), Evidence.objects.count()) == (422, 0, 0)
    assert "조금 뒤에 다시" in answer.content.decode()
    assert "기기만 바꿨습니다" in answer.content.decode()


@pytest.mark.django_db
def test_a_photograph_with_a_wrong_name_reaches_the_reviewer_without_its_place() -> None:
    row = asked_for_documents(make.customer(ci="hong"))
    hong, page = as_customer(Client(), person("hong")), reverse("refunds:documents", args=[row.pk])
    sent = (GOLDEN / "photo.heic").read_bytes()
    assert hong.post(page, {"files": SimpleUploadedFile("IMG_0001.png", sent)})["Location"] == page
    document = Evidence.objects.get()
    assert (document.name, document.kind, document.pages) == ("IMG_0001.jpg", "jpg", 1)
    take = reverse("refunds:evidence", args=[document.pk])
    answer = as_staff(Client(), staff_user("reviewer")).post(take, {"reason": "심사"})
    assert (answer["Content-Type"], answer.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    assert b"Exif" not in answer.content
    assert document.size == len(answer.content)


@pytest.mark.django_db
def test_too_much_at_once_is_refused_before_it_is_read(settings) -> None:
    settings.DOCUMENT_MAX_TOTAL_MB = 1
    row = asked_for_documents(make.customer(ci="hong"))
    hong, page = as_customer(Client(), person("hong")), reverse("refunds:documents", args=[row.pk])
    files = [SimpleUploadedFile(f"{n}.jpg", jpeg() + b"\0" * (600 << 10)) for n in range(2)]
    answer = hong.post(page, {"files": files})
    assert (answer.status_code, Evidence.objects.count()) == (422, 0)
    assert "여러 번에 나누어" in answer.content.decode()


@pytest.mark.django_db
def test_documents_lie_encrypted_in_a_bucket_until_they_are_wiped(at, settings, bucket) -> None:
    settings.UPLOADS_DIR = bucket
    row = asked_for_documents(make.customer(ci="hong"))
    hong, page = as_customer(Client(), person("hong")), reverse("refunds:documents", args=[row.pk])
    assert hong.post(page, {"files": SimpleUploadedFile("a.pdf", PDF)})["Location"] == page
    document = Evidence.objects.get()
    kept, name = file_stores.at(bucket), f"evidence/{document.pk.hex[:2]}/{document.pk.hex}"
    sealed = kept.read(name)
    assert len(sealed) > document.size
    assert b"%PDF" not in sealed
    assert documents.stored_bytes(document).startswith(b"%PDF-")
    kept.put_bytes(name, sealed[:-1] + bytes([sealed[-1] ^ 1]))
    with pytest.raises(InvalidTag):  # other bytes are never shown
        documents.stored_bytes(document)
    documents.return_to_review(application_id=row.pk, person_index=person("hong").ci_index)
    reviewing.review(application_id=row.pk, reviewer=staff_user("reviewer"), act="REJECT", reason="아님")
    at("2027-03-01T10:00+09:00")
    assert (documents.wipe(), kept.exists(name)) == (1, False)


@pytest.mark.django_db
def test_a_silent_store_of_documents_asks_to_try_again(at, settings, bucket, monkeypatch) -> None:
    settings.UPLOADS_DIR = bucket
    row = asked_for_documents(make.customer(ci="hong"))
    hong, page = as_customer(Client(), person("hong")), reverse("refunds:documents", args=[row.pk])
    assert hong.post(page, {"files": SimpleUploadedFile("a.pdf", PDF)})["Location"] == page
    document = Evidence.objects.get()

    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    settings.UPLOADS_DIR = f"{bucket}/silent"
    answer = hong.post(page, {"files": SimpleUploadedFile("b.jpg", jpeg())})
    assert (answer.status_code, Evidence.objects.count()) == (422, 1)
    assert "서류 보관소가 지금 응답하지 않습니다" in answer.content.decode()
    line = make.line(make.customer(ci="kim"), outcome="NOT_ELIGIBLE", reasons="NEW_AFTER_BASE", refundable_krw=0)
    objection = {"kind": "OTHER", "words": "기기만 바꿨습니다", "files": SimpleUploadedFile("c.jpg", jpeg())}
    answer = as_customer(Client(), person("kim")).post(reverse("refunds:object", args=[line.pk]), objection)
    assert (answer.status_code, Objection.objects.count()) == (422, 0)
    assert "기기만 바꿨습니다" in answer.content.decode()

    reader = as_staff(Client(), staff_user("reviewer"))
    case = reverse("refunds:review-case", args=[row.pk])
    take = reverse("refunds:evidence", args=[document.pk])
    assert reader.post(take, {"reason": "심사", "back": case})["Location"] == case
    assert reader.get(reverse("refunds:evidence-page", args=[document.pk, 1])).status_code == 503
    documents.return_to_review(application_id=row.pk, person_index=person("hong").ci_index)
    reviewing.review(application_id=row.pk, reviewer=staff_user("reviewer"), act="REJECT", reason="아님")
    at("2027-03-01T10:00+09:00")
    assert documents.wipe() == 1  # its key is gone, whatever the store keeps
    with pytest.raises(Refused) as refused:
        documents.take_out(evidence_id=document.pk, staff=staff_user("auditor"), reason="x")
    assert refused.value.code == "GONE"
