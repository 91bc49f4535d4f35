"""Reasons of cases and decisions, as staff read them."""

from django.utils.translation import gettext as _

from refunds.applications.decision import PERSONS_ON_ONE_ACCOUNT
from refunds.applications.facts import SHARED_ACCOUNT
from refunds.models.applications import Application, Lateness
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
        "REJECTED": _("거절"),
        "CONFIRMED": _("승인 그대로 둠"),
        "DOCUMENTS_SENT": _("서류를 올림"),
        "DOCUMENTS_OVERDUE": _("서류 기한 지남"),
    }
    if code.removeprefix("REVIEWED_").startswith("LAYOUT"):
        return _("은행 이체 양식에 쓸 수 없는 이름")
    if code.startswith("RETURNED"):
        return _("입금이 되돌아옴")
    return reasons.get(code.removeprefix("REVIEWED_"), code)


def _shared() -> str:
    return _("한 계좌를 %(people)s명 넘게 씀") % {"people": PERSONS_ON_ONE_ACCOUNT}
