"""Whether the bank's layout can hold a payment to an account, judged before any batch is made (BANK_FILE_FORMAT)."""

from django.conf import settings
from django.utils.translation import gettext as _

from kt_remedy.core import programme
from refunds import bankfiles
from refunds.bankfiles.records import Payment, PaymentRefused
from refunds.models.accounts import Account, HolderCheck


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
