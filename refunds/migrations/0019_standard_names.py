from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("refunds", "0018_blind_indexes")]
    operations = [
        migrations.RunSQL(
            """
            UPDATE refunds_left_behind SET reason = 'OFFLINE' WHERE reason = 'BY_HAND';
            UPDATE refunds_batch SET excluded = (excluded - 'BY_HAND') || jsonb_build_object('OFFLINE', excluded -> 'BY_HAND')
            WHERE excluded ? 'BY_HAND';
            -- Kept figures have new keys: the worker counts again.
            UPDATE refunds_counted SET asked = true
            """,
            migrations.RunSQL.noop,
        ),
        # The tables keep their names.
        migrations.AlterModelTable(name="manualpaymentevent", table="refunds_manualpaymentevent"),
        migrations.RenameModel(old_name="ManualPaymentEvent", new_name="OfflinePaymentEvent"),
        migrations.RenameModel(old_name="ManualPayment", new_name="OfflinePayment"),
        migrations.RenameModel(old_name="LeftBehind", new_name="ExcludedApplication"),
        migrations.RenameModel(old_name="Counted", new_name="BatchFigures"),
        migrations.RenameField(model_name="batch", old_name="frame", new_name="programme_snapshot"),
        migrations.RenameField(model_name="batchfigures", old_name="stamp", new_name="fingerprint"),
    ]
