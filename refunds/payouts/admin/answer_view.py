"""The words and figures on the page of one answer of the bank."""

from dataclasses import dataclass

from django.db.models import Sum
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from kt_remedy.core import clock, programme
from kt_remedy.core.templatetags.remedy import kdate, kdatetime, krw
from kt_remedy.notices import texts
from refunds.bankfiles.returns import BANK, CUSTOMER, OWNERS, PAYER, UNCLEAR, owner_of, return_reason
from refunds.calendar import PayoutRound, business_days_after, changeable_until, next_round, payout_rounds
from refunds.models.bank_answers import BankAnswer
from refunds.payouts import answers
from refunds.promise.rules import BANK_DAYS, CALL_DAYS

_KIND = BankAnswer.Kind
_MOVES = (_KIND.PAYMENTS, _KIND.EXECUTED)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of figures: payments, won, and the share of the file in percent as text."""

    label: str
    count: int
    won: int
    share: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One check of an answer; `wait` marks a finding that a person should look at."""

    wait: bool
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """The returns of one side at fault, with what follows."""

    label: str
    follows: str
    rows: list[Row]
    count: int
    won: int


@dataclass(frozen=True, slots=True)
class TextSample:
    """A message that leaves with the confirmation; an empty text means that nobody is written to."""

    title: str
    people: int
    payments: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page of an answer shows."""

    heading: str
    lead: str
    odd: str
    results: list[Row]
    total: Row | None
    checks: list[Check]
    sides: list[Side]
    samples: list[TextSample]
    shares: list[tuple[str, str]]
    percent: int


def present(answer: BankAnswer, *, same_person: bool) -> Shown:
    """Everything about an answer in the reader's language. `same_person`: the reader staged it."""
    if answer.read_at is None or answer.file is None:
        return Shown(_heading(answer), "", "", [], None, [], [], [], [], _percent(answer))
    payout_round = next_round(clock.now(), programme.current())
    moves = answer.kind in _MOVES
    odd = answers.odd_returns(answer) if moves else []
    lead = _("%(round)s차 지급, %(day)s에 보낸 돈의 은행 답입니다.") % {
        "round": answer.file.batch.number,
        "day": kdate(answer.file.execution_on),
    }
    return Shown(
        _heading(answer),
        lead,
        _odd(answer) if odd else "",
        _results(answer) if moves else _said(answer),
        Row(_("은행에 보낸 것"), answer.file.count, answer.file.won, "100%"),
        sorted(_checks(answer, odd, same_person), key=lambda check: not check.wait),
        _sides(answer, payout_round),
        _text_samples(answer, payout_round) if moves else [],
        _shares(answer) if odd else [],
        100,
    )


def _percent(answer: BankAnswer) -> int:
    return min(99, answer.progress * 100 // max(1, answer.size))


def _heading(answer: BankAnswer) -> str:
    number = {"count": f"{answer.paid or answer.returned:,}"}
    if answer.status == BankAnswer.Status.DISCARDED:
        return _("받아들일 수 없는 답입니다") if answer.faults else _("버린 답입니다")
    if answer.read_at is None:
        return _("은행 답을 읽고 있습니다")
    done = answer.status == BankAnswer.Status.CONFIRMED
    if not done and answer.confirmed_by_id:
        return _("확인한 대로 정하고 있습니다")
    if answer.kind == _KIND.ACCEPTED:
        return _("은행이 파일을 받았습니다") if done else _("은행이 파일을 받았다는 답입니다")
    if answer.kind == _KIND.REFUSED:
        return _("은행이 파일 전체를 거절했습니다") if done else _("은행이 파일 전체를 거절했다는 답입니다")
    if answer.kind == _KIND.SUSPENSE:
        return _("거절된 파일에 온 답이라 미결에 두었습니다") if done else _("은행이 거절했던 파일에 온 답입니다")
    if answer.early and answer.paid:
        return _("이체일 전에 온 답이라 입금은 아직 정해지지 않습니다")
    if not done and answers.odd_returns(answer):
        return _("먼저 은행에 물어보세요")
    if answer.paid:
        text = _("%(count)s건이 입금으로 정해졌습니다") if done else _("확인하면 %(count)s건이 입금으로 정해집니다")
    elif answer.returned:
        text = (
            _("%(count)s건이 되돌아온 것으로 정해졌습니다")
            if done
            else _("확인하면 %(count)s건이 되돌아온 것으로 정해집니다")
        )
    else:
        text = _("아직 정해진 건이 없는 답입니다")
    return text % number


def _share(part: int, whole: int | None) -> str:
    return f"{part * 100 / whole:.2f}%" if whole else ""


def _results(answer: BankAnswer) -> list[Row]:
    assert answer.file is not None
    whole, preview = answer.file.count, answer.preview
    rows = [
        Row(_("입금"), answer.paid, answer.paid_won, _share(answer.paid, whole)),
        Row(_("되돌아옴"), answer.returned, answer.returned_won, _share(answer.returned, whole)),
        Row(_("은행이 아직 모름"), answer.unknown, preview["unknown_won"], _share(answer.unknown, whole)),
        Row(_("답에 없음"), answer.absent, preview["absent_won"], _share(answer.absent, whole)),
    ]
    count, won = preview["strangers"]
    if count:
        rows.append(Row(_("우리가 보낸 적 없음"), count, won, note=_("확인하면 미결에 들어갑니다.")))
    return rows


def _said(answer: BankAnswer) -> list[Row]:
    assert answer.file is not None
    labels = {"PAID": _("입금"), "RETURNED": _("되돌아옴"), "UNKNOWN": _("은행이 아직 모름")}
    said = answer.preview.get("said", {})
    return [
        Row(label, said[outcome][0], said[outcome][1], _share(said[outcome][0], answer.file.count))
        for outcome, label in labels.items()
        if outcome in said
    ]


def _odd(answer: BankAnswer) -> str:
    """The one sentence of a warning: share and, if one reason stands out, that reason."""
    assert answer.file is not None
    reason, code, count, won = answer.preview["reasons"][0]
    return _("%(share)s가 되돌아왔습니다. 가장 많은 이유는 %(why)s %(code)s, %(count)s건 %(won)s입니다.") % {
        "share": _share(answer.returned, answer.file.count),
        "why": return_reason(reason),
        "code": code,
        "count": f"{count:,}",
        "won": krw(won),
    }


def _checks(answer: BankAnswer, odd: list[str], same_person: bool) -> list[Check]:
    """Every check, in one order."""
    assert answer.file is not None
    file = answer.file
    found = []
    if answer.kind in _MOVES:
        preview = answer.preview
        returned = preview["reasons"]
        most = _share(returned[0][2], answer.returned) if returned else ""
        unlisted, strangers, after = (preview[name][0] for name in ("unlisted", "strangers", "after_paid"))
        limit = _("기준 %(limit)s%%") % {"limit": answers.ODD_SHARE}
        found += [
            Check(
                "SHARE" in odd,
                _("되돌아온 비율이 %(share)s입니다") % {"share": _share(answer.returned, file.count)},
                limit,
            ),
            Check(
                "ONE_REASON" in odd,
                _("한 가지 이유로 몰렸습니다") if "ONE_REASON" in odd else _("한 가지 이유로 몰리지 않았습니다"),
                _("가장 많은 이유는 %(why)s %(share)s") % {"why": return_reason(returned[0][0]), "share": most}
                if returned
                else "",
            ),
            _early(answer),
            Check(
                bool(after),
                _("입금되었던 %(count)s건이 되돌아왔다고 합니다: %(won)s")
                % {"count": f"{after:,}", "won": krw(preview["after_paid"][1])}
                if after
                else _("입금되었다가 되돌아온 건이 없습니다"),
            ),
            Check(
                bool(preview["contradicts"]),
                _("먼저 온 답과 어긋나는 건이 %(count)s건 있습니다") % {"count": f"{preview['contradicts']:,}"}
                if preview["contradicts"]
                else _("먼저 온 답과 어긋나는 건이 없습니다"),
            ),
            Check(
                bool(strangers),
                _("우리 파일에 없는 줄이 %(count)s개 있습니다: %(won)s")
                % {"count": strangers, "won": krw(preview["strangers"][1])}
                if strangers
                else _("모두 우리가 보낸 건입니다"),
            ),
            Check(
                bool(unlisted),
                _("모르는 코드가 적힌 %(count)s건은 답이 없는 것으로 둡니다") % {"count": f"{unlisted:,}"}
                if unlisted
                else _("모르는 코드가 없습니다"),
            ),
        ]
    elif answer.kind == _KIND.REFUSED:
        found.append(
            Check(
                True,
                _("거절한 이유: %(why)s") % {"why": answer.preview.get("refused_because") or _("적혀 있지 않음")},
                _("아무 돈도 나가지 않았는지 은행에 물어보세요. 다시 만든 파일은 승인을 새로 받습니다."),
            )
        )
    elif answer.kind == _KIND.SUSPENSE:
        found.append(
            Check(
                True,
                _("은행이 통째로 거절했던 파일입니다: %(why)s") % {"why": file.refused_because},
                _("확인하면 미결에 들어가고 아무 건도 움직이지 않습니다. 돈이 두 번 나가지 않았는지 먼저 보세요."),
            )
        )
    found += [
        Check(False, _("우리가 보낸 파일을 그대로 올린 것이 아닙니다")),
        Check(
            same_person,
            _("본인이 올린 답입니다. 다른 사람이 확인해야 합니다")
            if same_person
            else _("올린 사람과 확인하는 사람이 다릅니다"),
        ),
    ]
    return found


def _early(answer: BankAnswer) -> Check:
    assert answer.file is not None
    note = _("이체일 %(day)s, 답 %(at)s") % {
        "day": kdate(answer.file.execution_on),
        "at": kdatetime(answer.staged_at),
    }
    if not answer.early:
        return Check(False, _("이체일이 된 뒤에 온 답입니다"), note)
    return Check(True, _("이체일 전에 온 답이라 입금이라는 건도 은행에 보낸 그대로 둡니다"), note)


def _sides(answer: BankAnswer, payout_round: PayoutRound | None) -> list[Side]:
    again = _("고객센터가 전화로 여쭙니다")
    if payout_round:
        again = _("%(round)s차, %(day)s에 다시 보냅니다") % {
            "round": payout_round.number,
            "day": kdate(payout_round.pay_on),
        }
    person = _("담당자가 정할 때까지 보류하고, 보내지 못했다고 알립니다")
    follows = {CUSTOMER: _("계좌를 고쳐 달라는 문자가 나갑니다"), BANK: again, PAYER: person, UNCLEAR: person}
    sides = []
    for owner, label in OWNERS.items():
        rows = [
            Row(return_reason(reason), count, won, note=code)
            for reason, code, count, won in answer.preview.get("reasons", [])
            if owner_of(reason) == owner
        ]
        if rows:
            counts, sums = sum(row.count for row in rows), sum(row.won for row in rows)
            text = follows[owner] if answer.kind in _MOVES else ""
            sides.append(Side(str(label), text, rows, counts, sums))
    return sides


def _text_samples(answer: BankAnswer, payout_round: PayoutRound | None) -> list[TextSample]:
    people = answer.preview["people"]
    called = {"answer_by": business_days_after(clock.today(), CALL_DAYS)}
    again, fields = ("payout.again", {"pay_on": payout_round.pay_on}) if payout_round else ("payout.called", called)
    current, now = programme.current(), clock.now()
    keeps = next((r for r in payout_rounds(current) if now < changeable_until(r, current)), None)
    mend, days = (
        ("payout.returned", {"until": clock.kst_date(changeable_until(keeps, current)), "pay_on": keeps.pay_on})
        if keeps
        else ("payout.called", called)
    )
    assert answer.file is not None
    open_day = {"was": answer.file.execution_on, "answer_by": business_days_after(clock.today(), BANK_DAYS)}
    language = "en" if (get_language() or "ko").startswith("en") else "ko"
    return [
        TextSample(title, people[key][0], people[key][1], texts.render(kind, language, context))
        for key, title, kind, context in (
            ("paid", _("입금 안내"), "payout.paid", {}),
            ("mend", _("계좌를 고쳐 주세요"), mend, days),
            ("again", _("날이 바뀌었습니다"), again, fields),
            ("nothing", _("보내지 못함, 새 날 미정"), "promise.stopped", open_day),
        )
        if key in people
    ]


def _shares(answer: BankAnswer) -> list[tuple[str, str]]:
    """Share of returns of the rounds before and of this answer, by the confirmed answers."""
    assert answer.file is not None
    rows = (
        BankAnswer.objects.filter(status=BankAnswer.Status.CONFIRMED, file__batch__pay_on__lt=answer.file.batch.pay_on)
        .values("file__batch__number", "file__batch__count")
        .annotate(returned=Sum("returned"))
        .order_by("-file__batch__number")[:3]
    )
    shares = [
        (
            _("%(round)s차") % {"round": row["file__batch__number"]},
            _share(row["returned"], row["file__batch__count"] or 0),
        )
        for row in reversed(rows)
    ]
    return [*shares, (_("이 답"), _share(answer.returned, answer.file.count))]
