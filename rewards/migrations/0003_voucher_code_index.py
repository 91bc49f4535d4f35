"""The index of a voucher code becomes that of its capital letters: tvx-1 and TVX-1 are one code.

Where both spellings are stored, a double that nobody has is deleted, because it would be handed out a second time.
Where two customers have them already, both rows stay, and the later one gets an index of its own.
"""

from django.db import migrations

from kt_remedy.core import crypto


def index_capital_letters(apps, schema_editor):
    vouchers = apps.get_model('rewards', 'Voucher').objects
    if not vouchers.exists():
        return  # a new database may be made before its keys are set
    taken = apps.get_model('rewards', 'Entitlement').objects.filter(voucher__isnull=False)
    issued = set(taken.values_list('voucher_id', flat=True))
    clear = crypto.opener('rewards_voucher:code_enc')
    capital = {}
    for pk, sealed in vouchers.order_by('imported_at', 'id').values_list('id', 'code_enc').iterator():
        capital.setdefault(clear(bytes(sealed), str(pk)).upper(), []).append(pk)
    spare = []
    for code, rows in capital.items():
        # The kept row is the one that a customer has, otherwise the first; sorting keeps the order.
        rows.sort(key=lambda pk: pk not in issued)
        spare += [pk for pk in rows[1:] if pk not in issued]
        # The index of a later row is set first: it may be the one that the kept row needs.
        for pk in [pk for pk in rows[1:] if pk in issued]:
            vouchers.filter(pk=pk).update(code_index=crypto.blind_index(f'{code}:{pk}', 'voucher'))
    for start in range(0, len(spare), 1000):
        vouchers.filter(pk__in=spare[start:start + 1000]).delete()
    for code, rows in capital.items():
        vouchers.filter(pk=rows[0]).exclude(code_index=crypto.blind_index(code, 'voucher')).update(
            code_index=crypto.blind_index(code, 'voucher')
        )


class Migration(migrations.Migration):

    dependencies = [
        ('rewards', '0002_published_rows'),
    ]

    operations = [migrations.RunPython(index_capital_letters, migrations.RunPython.noop)]
