"""Korean and English sentences for the faults and the length of a text."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.notices import texts

_FAULTS = {
    "CHARACTER": gettext_lazy("문자로 보낼 수 없는 글자가 있습니다: %(detail)s"),
    "INVISIBLE": gettext_lazy("보이지 않는 글자가 있습니다. 지우고 다시 적어 주세요: %(detail)s"),
    "LONG": gettext_lazy("너무 깁니다: %(detail)s바이트. %(limit)s바이트까지 보낼 수 있습니다."),
    "SMS": gettext_lazy("단문으로 보내는 문자인데 %(detail)s바이트입니다. 단문은 %(sms)s바이트까지입니다."),
    "URL": gettext_lazy("인터넷 주소를 넣을 수 없습니다."),
    "AMOUNT": gettext_lazy("금액을 넣을 수 없습니다."),
    "REGISTRATION": gettext_lazy("주민등록번호처럼 보이는 숫자가 있습니다."),
    "NUMBER": gettext_lazy("상담센터가 아닌 전화번호나 계좌번호처럼 보이는 숫자가 있습니다: %(detail)s"),
    "NAME": gettext_lazy("이름을 넣을 수 없습니다: %(detail)s"),
    "SENDER": gettext_lazy("%(prefix)s로 시작해야 합니다."),
    "HOTLINE": gettext_lazy("상담센터 번호 자리 {hotline}을 넣어 주세요."),
    "FORBIDDEN_FIELD": gettext_lazy("이름, 금액, 계좌, 주소의 자리는 둘 수 없습니다: %(detail)s"),
    "UNKNOWN_FIELD": gettext_lazy("이 종류에는 없는 자리입니다: %(detail)s"),
    "BRACES": gettext_lazy("중괄호 { } 안에는 자리의 이름만 적어 주세요."),
}


_TIDIED = {
    "spaces": gettext_lazy("보통 빈칸으로 바꾼 특수한 빈칸 %(n)s개"),
    "removed": gettext_lazy("지운 폭이 없는 글자 %(n)s개"),
    "signs": gettext_lazy("보통 점과 줄표로 바꾼 비슷한 기호 %(n)s개"),
    "composed": gettext_lazy("하나로 합친 풀어쓴 자모 %(n)s개"),
}


def fault_of(error: texts.TextError) -> str:
    """Return the sentence that tells the author why a text must not be sent, with the place of bad characters."""
    sentence, detail = _FAULTS.get(error.code), error.detail
    if sentence is None:
        return str(error)
    if error.code == "INVISIBLE" and isinstance(detail, list):
        detail = ", ".join(_placed(f"{sign.name} {sign.code}", sign.place) for sign in detail)
    elif error.code == "CHARACTER" and isinstance(detail, list):
        detail = ", ".join(_placed(char, place) for place, char in detail)
    return str(sentence) % {
        "detail": detail,
        "limit": f"{texts.LMS_BYTES:,}",
        "sms": texts.SMS_BYTES,
        "prefix": texts.fixed_fields()["prefix"],
    }


def _placed(name: str, place: int) -> str:
    return _("%(name)s(%(place)s번째 글자)") % {"name": name, "place": f"{place:,}"}


def changes_of(tidied: texts.Tidied) -> str:
    """Return what was tidied in a text as one sentence; "" if it was sent as typed."""
    done = [str(words) % {"n": f"{n:,}"} for field, words in _TIDIED.items() if (n := getattr(tidied, field))]
    return _("다듬었습니다: %(changes)s.") % {"changes": ", ".join(done)} if done else ""


def size_of(kind: Any, language: str, template: str) -> str:
    """Return the size of a text in bytes (CP949) and its class, short (SMS) or long (LMS) message."""
    try:
        body = texts.fill_and_check(kind, language, template)
    except texts.TextError:  # a text of an earlier programme, no longer sent
        return "–"
    size = len(body.encode("cp949"))
    if texts.is_long(body):
        return _("장문 %(n)s바이트") % {"n": f"{size:,}"}
    return _("단문 %(n)s바이트") % {"n": size}
