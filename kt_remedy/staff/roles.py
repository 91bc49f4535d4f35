"""The roles of staff and their labels, in the order of display."""

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
