"""Values of every page: the programme, the age of majority, a set clock, the languages on offer."""

from django.http import HttpRequest
from django.utils.translation import get_language

from kt_remedy.core import clock, portone, programme
from kt_remedy.core.persons import ADULT_AGE

# Cookie of a device whose reader chose large type. It holds nothing else.
LARGE_TYPE = "large_type"


def portal(request: HttpRequest) -> dict[str, object]:
    """Context processor of all pages. Costs no query beyond the clock's own row, read at most once a second."""
    current = programme.current()
    korean = (get_language() or "ko").startswith("ko")
    return {
        "programme": current,
        "programme_name": current.name_ko if korean else current.name_en,
        "hotline": current.hotline,
        "large_type": request.COOKIES.get(LARGE_TYPE) == "1",
        "carrier": current.carrier.short_name,
        "operator": current.carrier.name_ko if korean else current.carrier.name_en,
        "hotline_hours": current.carrier.hotline_hours_ko if korean else current.carrier.hotline_hours_en,
        "privacy_officer": current.carrier.privacy_officer_ko if korean else current.carrier.privacy_officer_en,
        "operator_address": current.carrier.address_ko if korean else current.carrier.address_en,
        "checking_company": portone.COMPANY,
        "adult_age": ADULT_AGE,
        "set_clock": clock.now() if clock.is_set() else None,
        "other_language": ("en", "English") if korean else ("ko", "한국어"),
    }
