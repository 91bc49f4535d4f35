"""Documents that a representative shows at the desk (docs/domain.md#c4). No copies are kept."""

from django.utils.functional import Promise, lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from refunds.models.accounts import OwnerKind

FAMILY_MONTHS = 3  # a family relations certificate may not be older


def _recent_family() -> str:
    return gettext("가족관계증명서(%(months)s개월 안에 뗀 것)") % {"months": FAMILY_MONTHS}


DOCUMENTS: dict[str, tuple[tuple[str, Promise | str], ...]] = {
    OwnerKind.GUARDIAN: (
        ("GUARDIAN_ID", _("보호자 신분증")),
        ("FAMILY", lazy(_recent_family, str)()),
    ),
    OwnerKind.PROXY: (
        ("POWER", _("위임장")),
        ("SEAL", _("본인 인감증명서 또는 본인서명사실확인서")),
        ("HOLDER_ID", _("본인 신분증")),
        ("PROXY_ID", _("대리인 신분증")),
    ),
    OwnerKind.HEIR: (
        ("HEIR_ID", _("상속인 신분증")),
        ("FAMILY", _("가족관계증명서")),
        ("DEATH", _("기본증명서(사망)")),
        ("HEIRS_AGREE", _("상속인들의 동의서")),
    ),
    OwnerKind.COMPANY: (
        ("REGISTRATION", _("사업자등록증")),
        ("COMPANY_SEAL", _("법인인감증명서")),
        ("EMPLOYEE", _("위임장 또는 재직증명서")),
        ("PASSBOOK", _("법인 통장 사본")),
        ("AGENT_ID", _("온 사람의 신분증")),
    ),
}
# Checked for a refund without an account in Korea.
OFFLINE: tuple[tuple[str, Promise], ...] = (
    ("ABROAD_ID", _("여권 또는 외국인등록증")),
    ("ABROAD_ACCOUNT", _("해외 계좌 증명 또는 받는 방법을 적은 종이")),
)
ID_CARDS: tuple[tuple[str, Promise], ...] = (
    ("RESIDENT", _("주민등록증")),
    ("DRIVER", _("운전면허증")),
    ("PASSPORT", _("여권")),
    ("ALIEN", _("외국인등록증")),
    ("WELFARE", _("장애인복지카드·국가보훈증")),
    ("COMPANY", _("사업자등록증과 온 사람의 신분증")),
)


def names(codes: list[str]) -> list[str]:
    """Names of the documents with these codes; an unknown code is its own name."""
    known = {code: label for documents in (*DOCUMENTS.values(), OFFLINE) for code, label in documents}
    return [str(known.get(code, code)) for code in codes]
