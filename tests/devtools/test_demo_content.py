"""The try-out shows partners, plans and an insurer."""

from kt_remedy.content import service
from kt_remedy.content.models import Place
from kt_remedy.core import programme
from kt_remedy.devtools import demo_accounts, demo_content


def test_every_category_and_service_of_the_programme_has_a_text(db, at, settings):
    settings.DEVELOPMENT = True
    at("2026-01-20T10:00+09:00")
    demo_accounts.create()
    assert demo_content.create_entries() == len(demo_content.ENTRIES)
    assert demo_content.create_entries() == 0
    perks = programme.current().perks
    categories = {code.lower().replace("_", "-") for perk in perks for code in perk.categories}
    services = {choice.code.lower() for perk in perks for choice in perk.choices}
    assert {entry.key for entry in service.current(Place.PARTNER)} == categories
    assert {entry.key for entry in service.current(Place.PLAN)} == services
    assert service.current(Place.INSURER)
