"""Korean and English sentences for the faults and the length of a text."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.notices import texts

_FAULTS = {
    "CHARACTER": gettext_lazy("문자로 보낼 수 없는 글자가 있습니다: %(detail)s"),
    "LONG": gettext_lazy("너무 깁니다: %(detail)s바이트. %(limit)s바이트까지 보낼 수 있습니다."),
    "URL": gettext_lazy("인터넷 주소를 넣을 수 없습니다."),
    "AMOUNT": gettext_lazy("금액을 넣을 수 없습니다."),
    "REGISTRATION": gettext_lazy("주민등록번호처럼 보이는 숫자가 있습니다."),
    "NUMBER": gettext_lazy("상담센터가 아닌 전화번호나 계좌번호처럼 보이는 숫자가 있습니다: %(detail)s"),
    "NAME": gettext_lazy("이름을 넣을 수 없습니다: %(detail)s"),
    "SENDER": gettext_lazy("[KT]로 시작해야 합니다."),
    "HOTLINE": gettext_lazy("상담센터 번호 자리 {hotline}을 넣어 주세요."),
    "FORBIDDEN_FIELD": gettext_lazy("이름, 금액, 계좌, 주소의 자리는 둘 수 없습니다: %(detail)s"),
    "UNKNOWN_FIELD": gettext_lazy("이 종류에는 없는 자리입니다: %(detail)s"),
    "BRACES": gettext_lazy("중괄호 { } 안에는 자리의 이름만 적어 주세요."),
}


def fault_of(error: texts.TextError) -> str:
    """Return the sentence that tells the author why a text must not be sent."""
    sentence = _FAULTS.get(error.code)
    return str(sentence) % {"detail": error.detail, "limit": f"{texts.LMS_BYTES:,}"} if sentence else str(error)


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
