from refunds.payouts.models import Batch


def test_tables_exist(db):
    assert Batch.objects.count() == 0
