"""Whether the bank's layout can hold a payment to an account, judged before any batch is made (BANK_FILE_FORMAT)."""

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from kt_remedy.core import programme
from refunds import bankfiles
from refunds.bankfiles.records import Payment, PaymentRefused
from refunds.models.accounts import Account, HolderCheck

JUDGED_AT_ONCE = 2000


def fault(account: Account) -> str:
    """Code of what the layout cannot hold (`bankfiles.records`), "" for nothing.

    Judged is the name that the file will write, so "" also where it is not known yet: without an answer of the bank,
    and while an accepted account waits for the bank's spelling.
    """
    check = account.holder_check
    if account.is_offline or account.number is None or not check.matched:
        return ""
    if check.outcome == HolderCheck.Outcome.ACCEPTED and check.retry_at is not None:
        return ""
    try:
        bankfiles.layout(settings.BANK_FILE_FORMAT).check(
            Payment("0", account.bank_code, account.number, account.name_in_file, 1)
        )
    except PaymentRefused as refused:
        return refused.code
    return ""


def waiting() -> QuerySet[HolderCheck]:
    """Confirmed accounts that the present layout has not judged, or whose name changed since."""
    outcome = HolderCheck.Outcome
    return (
        HolderCheck.objects.filter(account__wiped_at=None, outcome__in=[outcome.MATCH, outcome.ACCEPTED])
        .exclude(outcome=outcome.ACCEPTED, retry_at__isnull=False)
        .exclude(layout=settings.BANK_FILE_FORMAT)
    )


def judge_waiting(*, limit: int | None = None) -> int:
    """Judge waiting accounts and keep the answers, for the selection of rounds; returns how many.

    Each `JUDGED_AT_ONCE` are a transaction that locks their rows. Safe to run twice.
    """
    done = 0
    while limit is None or done < limit:
        with transaction.atomic():
            checks = list(
                waiting().select_for_update(of=("self",)).select_related("account").order_by("pk")[:JUDGED_AT_ONCE]
            )
            by_fault: dict[str, list[int]] = {}
            for check in checks:
                check.account.holder_check = check
                by_fault.setdefault(fault(check.account), []).append(check.pk)
            for code, keys in by_fault.items():
                HolderCheck.objects.filter(pk__in=keys).update(layout=settings.BANK_FILE_FORMAT, layout_fault=code)
        done += len(checks)
        if len(checks) < JUDGED_AT_ONCE:
            break
    return done


def words(code: str) -> str:
    """The fault in a sentence for the customer, with what to do next."""
    what = {
        "NAME_LETTERS": _("예금주 이름에 은행 이체 양식에 쓸 수 없는 글자가 있습니다."),
        "NAME_LENGTH": _("예금주 이름이 은행 이체 양식에 들어가지 않을 만큼 깁니다."),
        "NAME_START": _("예금주 이름이 은행 이체 양식에서 쓸 수 없는 기호로 시작합니다."),
    }.get(code, _("은행 이체 양식에 쓸 수 없는 계좌번호입니다."))
    return (
        what
        + " "
        + _("다른 계좌를 적어 주세요. 다른 계좌가 없으면 이 계좌로 접수해 두고 %(hotline)s에 전화해 주세요.")
        % {"hotline": programme.current().hotline}
    )
