"""The roles of staff and their labels, in the order of display."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

ROLE_LABELS = {
    "clerk": _("매장 직원"),
    "store_manager": _("매장 관리자"),
    "agent": _("상담사"),
    "reviewer": _("심사 담당"),
    "supervisor": _("심사 책임"),
    "maker": _("지급 담당"),
    "checker": _("지급 승인"),
    "auditor": _("감사"),
    "administrator": _("관리자"),
}
ROLES = tuple(ROLE_LABELS)
# Roles that belong to one store and see only the filings of that store.
STORE_ROLES = ("clerk", "store_manager")

# Pairs that no person holds together (D-76); "auditor" stands alone. The table of accounts refuses them too.
APART = (("maker", "checker"), ("administrator", "maker"), ("administrator", "checker"))
ALONE = "auditor"


def forbidden(roles: Iterable[str]) -> bool:
    """True if one person must not hold these roles together (D-76)."""
    held = set(roles)
    return any(held.issuperset(pair) for pair in APART) or (ALONE in held and len(held) > 1)
