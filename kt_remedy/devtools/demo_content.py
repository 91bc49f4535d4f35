"""Texts of a try-out about the perks: invented partners, plans of the video services and an insurer."""

from kt_remedy.content import service
from kt_remedy.content.models import RELEASED, Entry, Place
from kt_remedy.core import clock
from kt_remedy.staff.models import User

# Place, label, titles and texts, Korean and English.
ENTRIES = (
    (Place.PARTNER, "coffee", "달빛커피", "Dalbit Coffee", "아메리카노 한 잔 반값", "One americano at half price"),
    (Place.PARTNER, "film", "은하극장", "Eunha Cinema", "평일 영화표 반값", "A weekday ticket at half price"),
    (Place.PARTNER, "bakery", "밀마루빵집", "Milmaru Bakery", "20% 할인", "20% off"),
    (Place.PARTNER, "ice-cream", "눈꽃아이스", "Nunkkot Ice", "한 컵 더", "One cup more"),
    (Place.PLAN, "tving", "광고형 스탠다드", "Standard with advertisements", "", ""),
    (Place.PLAN, "disney", "스탠다드", "Standard", "", ""),
    (Place.INSURER, "insurer", "보험사", "Insurer", "한빛누리손해보험(연습용)", "Hanbit Nuri Insurance (try-out)"),
    (
        Place.SECURITY,
        "2026",
        "2026년: 누가 들어올 수 있는지부터 다시 정합니다",
        "2026: decide anew who may come in",
        "접근 권한을 모두 다시 받고, 개인정보를 다루는 시스템을 하나씩 점검합니다.(연습용)",
        "Every right is asked for anew, and each system with personal data is looked at. (try-out)",
    ),
    (
        Place.SECURITY,
        "2027",
        "2027년: 늘 다시 확인합니다",
        "2027: check every time",
        "안에서 들어오는 접속도 매번 확인합니다.(연습용)",
        "Connections from inside are checked every time as well. (try-out)",
    ),
    (Place.INSURER, "limit", "보장 한도", "Limit", "한 사람에 300만 원까지", "Up to 3 million won a person"),
)


def create_entries() -> int:
    """Publish the texts that have no version yet; a second start adds none. Returns how many are new."""
    administrator = User.objects.filter(roles__contains=["administrator"]).order_by("pk").first()
    officer = User.objects.filter(roles__contains=["supervisor"]).order_by("pk").first()
    known = set(Entry.objects.values_list("place", "key"))
    missing = [row for row in ENTRIES if (row[0].value, row[1]) not in known]
    for order, (place, key, title_ko, title_en, body_ko, body_en) in enumerate(missing):
        entry = Entry(
            place=place,
            key=key,
            order=order,
            title_ko=title_ko,
            title_en=title_en,
            body_ko=body_ko,
            body_en=body_en,
            shown_from=clock.today(),
        )
        service.add_version(by=administrator, entry=entry)
        if place in RELEASED:
            service.release(by=officer, entry=entry)
    return len(missing)
