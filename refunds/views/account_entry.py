"""Enter the account of a valid form and ask its bank, for the website and the desk."""

import datetime as dt

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from refunds.accounts import service as accounts
from refunds.applications import bank_layout
from refunds.models.accounts import Account, HolderCheck
from refunds.views.forms import AccountForm


def enter_account(
    form: AccountForm,
    *,
    person_index: bytes,
    holder_name: str,
    holder_birth: dt.date | None,
    owner_kind: str,
    contract_nos: list[str],
    actor: str,
    subject: str,
    passbook: bool = False,
) -> Account | None:
    """Enter the account of a valid form and add the bank's answer to its errors; None if the account was refused.

    An account whose holder the bank did not confirm, or that the bank's layout cannot hold, is an error with the code
    "holder": the person may file with it anyway. `passbook` says that staff of a store saw the passbook: a mismatch is
    then no error, and a reviewer decides it (D-74).
    """
    try:
        entered = accounts.enter(
            person_index=person_index,
            bank_code=form.cleaned_data["bank"],
            number=form.cleaned_data["number"],
            holder_name=holder_name,
            holder_birth=holder_birth,
            owner_kind=owner_kind,
            contract_nos=contract_nos,
            actor=actor,
            subject=subject,
        )
    except accounts.AccountRefused as refused:
        field = "bank" if refused.code == "BANK" else "number"
        form.add_error(field, ValidationError(refused.message, code=refused.code))
        return None
    check = entered.holder_check
    if passbook and not check.matched:
        accounts.record_passbook(account=entered, staff=actor, subject=subject)
    if check.is_for_reviewer:
        return entered
    if code := bank_layout.fault(entered):
        form.add_error("number", ValidationError(bank_layout.words(code), code="holder"))
    answer = {
        HolderCheck.Outcome.MISMATCH: _(
            "예금주가 신청하는 분과 다릅니다. 본인 이름의 계좌를 적어 주세요."
            " 은행에 이름이 다르게 적힌 본인 계좌면 통장과 신분증을 가지고 매장에 오세요"
        ),
        HolderCheck.Outcome.NOT_FOUND: _("고르신 은행에 없는 계좌번호입니다. 은행과 번호를 다시 확인해 주세요"),
        HolderCheck.Outcome.CLOSED: _("해지되었거나 입금할 수 없는 계좌입니다. 다른 계좌를 적어 주세요"),
    }.get(HolderCheck.Outcome(check.outcome))
    if answer:
        form.add_error("number", ValidationError(answer, code="holder"))
    return entered
