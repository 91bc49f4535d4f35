"""Reasons of cases and decisions, as staff read them."""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from eligibility import presenters as lines
from kt_remedy.audit import service as audit
from kt_remedy.core import masking
from kt_remedy.staff.models import User
from refunds.applications.decision import PERSONS_ON_ONE_ACCOUNT
from refunds.applications.facts import SHARED_ACCOUNT
from refunds.models.applications import Application, Lateness
from refunds.models.reviews import ReviewCase
from refunds.models.states import Status


def staff_reason(row: Application) -> str:
    """The reason why a case waits for a reviewer."""
    if row.flag == "VERDICT_CHANGED":
        return _("승인 뒤에 판정이 바뀜")
    if row.status == Status.LATE:
        return _("기간 뒤 접수(휴일로 늦음)") if row.lateness == Lateness.EXTENDED else _("기간 뒤 접수")
    if row.line.effective_outcome == "REVIEW":
        return _("판정이 사람의 확인을 요구함")
    if row.line.effective_outcome != "ELIGIBLE":
        return _("신청 뒤에 판정이 바뀜")
    if row.account.is_offline:
        return _("한국 계좌 없음, 서류 확인")
    if row.account.holder_check.is_for_reviewer:
        return _("예금주가 다르게 적혔으나 매장에서 통장을 봄")
    if row.filing.representation != "SELF":
        return row.filing.get_representation_display() + " " + _("신청, 서류 확인")
    if row.flag == SHARED_ACCOUNT:
        return _shared()
    return _("표본 심사") if row.qa_sample else _("다시 심사")


def decision_reason(code: str) -> str:
    """The reason code of a decision in words; the code itself where it has none."""
    reasons = {
        "OUTSIDE_WINDOW": _("기간 뒤 접수"),
        "VERDICT_REVIEW": _("판정이 사람의 확인을 요구함"),
        "VERDICT_CHANGED": _("신청 뒤에 판정이 바뀜"),
        "BY_GUARDIAN": _("법정대리인 신청"),
        "BY_PROXY": _("대리인 신청"),
        "BY_HEIR": _("상속인 신청"),
        "BY_COMPANY": _("법인 신청"),
        "SHARED_ACCOUNT": _shared(),
        "QA_SAMPLE": _("표본 심사"),
        "HOLDER_MISMATCH": _("예금주 불일치"),
        "PASSBOOK_SEEN": _("예금주가 다르게 적혔으나 매장에서 통장을 봄"),
        "HOLDER_NOT_FOUND": _("없는 계좌"),
        "HOLDER_CLOSED": _("해지된 계좌"),
        "NEED_DOCS": _("서류 요청"),
        "UNDONE": _("결정을 되돌림"),
        "OBJECTION_UPHELD": _("이의를 받아들임"),
        "DAY_CORRECTED": _("신청일을 바로잡음"),
        "DOCUMENTS_SHOWN": _("서류 확인됨"),
        "FILED": _("신청"),
        "OFFLINE": _("한국 계좌 없음"),
        "ALL_CLEAR": _("모두 확인됨"),
        "PART_PAID": _("마지막 회차, 내신 만큼"),
        "NOT_BILLED_YET": _("청구 대기"),
        "UNPAID": _("납부 대기"),
        "HOLDER_NOT_CHECKED": _("예금주 조회 대기"),
        "ACCOUNT_CHANGED": _("계좌를 바꿈"),
        "HOLDER_RENAMED": _("직원이 예금주 이름을 고침"),
        "WITHDRAWN": _("철회"),
        "CONSENT_WITHDRAWN": _("동의를 거두어 철회"),
        "REJECTED": _("거절"),
        "CONFIRMED": _("승인 그대로 둠"),
        "DOCUMENTS_SENT": _("서류를 올림"),
        "DOCUMENTS_OVERDUE": _("서류 기한 지남"),
        "SAMPLE_UNREAD": _("표본 심사를 하지 않아 그대로 승인"),
    }
    if code.removeprefix("REVIEWED_").startswith("LAYOUT"):
        return _("은행 이체 양식에 쓸 수 없는 이름")
    if code.startswith("RETURNED"):
        return _("입금이 되돌아옴")
    return reasons.get(code.removeprefix("REVIEWED_"), code)


def _shared() -> str:
    return _("한 계좌를 %(people)s명 넘게 씀") % {"people": PERSONS_ON_ONE_ACCOUNT}


def question(row: Application, case: ReviewCase | None) -> str:
    """The question that a case leaves to a reviewer; the reason of an application without one."""
    kind = case.kind if case is not None else ""
    return {
        ReviewCase.Kind.TRANSFER: _("명의가 바뀐 회선: 약정을 이어받았나요?"),
        ReviewCase.Kind.RENEWAL: _("저절로 이어진 약정: 새 약정은 아닌가요?"),
        ReviewCase.Kind.PORT: _("늦게 처리된 번호 이동: 기간 안에 신청했나요?"),
        ReviewCase.Kind.ITEM: _("모르는 청구 항목: 위약금인가요?"),
        ReviewCase.Kind.REPRESENTED: _("대신한 신청: 자격을 서류로 보았나요?"),
        ReviewCase.Kind.LATE: _("기간 뒤 신청: 늦은 이유가 인정되나요?"),
        ReviewCase.Kind.EXTENDED: _("휴일 뒤 신청: 나머지는 모두 맞나요?"),
        ReviewCase.Kind.HOLDER: _("예금주가 다름: 받을 분의 통장인가요?"),
        ReviewCase.Kind.OFFLINE: _("한국 계좌 없음: 받을 방법을 서류로 보았나요?"),
        ReviewCase.Kind.SHARED: _("여럿이 쓰는 계좌: 모두 이 계좌로 받나요?"),
        ReviewCase.Kind.SAMPLE: _("표본 심사: 자료가 모두 맞나요?"),
        ReviewCase.Kind.CHANGED: _("판정이 바뀐 승인: 그대로 두나요?"),
    }.get(kind, staff_reason(row))  # type: ignore[call-overload]


def verdict_title(outcome: str) -> str:
    """The heading of the conditions of a line. That of a line to be checked speaks to the customer elsewhere."""
    return _("확인할 조건") if outcome == "REVIEW" else lines.outcome_title(outcome)


def names_of(actors: Iterable[str]) -> dict[str, str]:
    """The people behind actors of decisions and acts, by actor: staff by their masked name."""
    found = set(actors)
    ids = [int(actor.removeprefix("staff:")) for actor in found if actor.startswith("staff:")]
    people = {audit.actor(user): staff_name(user) for user in User.objects.filter(pk__in=ids)}
    words = {"customer": _("고객"), "system": _("저절로")}
    return {actor: people.get(actor) or words.get(actor, actor) for actor in found}


def staff_name(user: User | None) -> str:
    """The masked name of a member of staff, or the name of the account; empty for nobody."""
    if user is None:
        return ""
    return masking.name(user.first_name) if user.first_name else user.get_username()
