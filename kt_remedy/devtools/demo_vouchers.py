"""Voucher codes of a try-out: a few for each service."""

from kt_remedy.core import programme
from rewards import service

CODES = 200


def create_vouchers() -> int:
    """Put invented codes into every pool; a second start adds none. Returns how many are new."""
    return sum(
        service.import_vouchers(
            perk_code=perk.code,
            choice_code=choice.code,
            codes=[f"DEMO-{choice.code}-{number:04d}" for number in range(1, CODES + 1)],
        )
        for perk in programme.current().perks
        for choice in perk.choices
    )
