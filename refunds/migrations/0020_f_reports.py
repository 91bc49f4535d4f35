"""What the report counts by: store and hour of an application, and the indexes over them."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('eligibility', '0005_f_refundable_lines'),
        ('refunds', '0019_d_desk'),
        ('staff', '0006_f_stores'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='application',
            name='application_channel',
        ),
        migrations.AddField(
            model_name='application',
            name='received_hour',
            field=models.SmallIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='application',
            name='store',
            field=models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='staff.store'),
        ),
        migrations.AddIndex(
            model_name='application',
            index=models.Index(fields=['applied_on', 'channel', 'store', 'received_hour', 'status'], include=('id',), name='application_report'),
        ),
        migrations.AddIndex(
            model_name='application',
            index=models.Index(fields=['line'], include=('status',), name='application_taken_up'),
        ),
        migrations.AddIndex(
            model_name='decision',
            index=models.Index(condition=models.Q(('actor__startswith', 'staff:')), fields=['decided_at'], include=('actor', 'to_status', 'application'), name='decision_by_staff'),
        ),
        migrations.AddIndex(
            model_name='filing',
            index=models.Index(condition=models.Q(('filed_by__isnull', False)), fields=['received_at', 'filed_by'], name='filing_by_staff'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='application',
            trigger=pgtrigger.compiler.Trigger(name='application_channel', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                SELECT channel, store_id, extract(hour FROM received_at AT TIME ZONE 'Asia/Seoul')\n                INTO NEW.channel, NEW.store_id, NEW.received_hour FROM refunds_filing WHERE id = NEW.filing_id;\n                RETURN NEW;\n                ", hash='2baf72eb625837f3441a09e4a46f8d9fbe8c9874', operation='INSERT', pgid='pgtrigger_application_channel_46dc0', table='refunds_application', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='filing',
            trigger=pgtrigger.compiler.Trigger(name='applications_follow_store', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.store_id IS DISTINCT FROM NEW.store_id)', func='UPDATE refunds_application SET store_id = NEW.store_id WHERE filing_id = NEW.id; RETURN NULL;', hash='95678ec7ed2aa0f3b0419243f5f31d7fd69d4924', operation='UPDATE OF "store_id"', pgid='pgtrigger_applications_follow_store_a5a1c', table='refunds_filing', when='AFTER')),
        ),
        # Last, because rows whose checks wait for the commit keep the table from being changed.
        migrations.RunSQL(
            """
            UPDATE refunds_application a
            SET store_id = f.store_id, received_hour = extract(hour FROM f.received_at AT TIME ZONE 'Asia/Seoul')
            FROM refunds_filing f WHERE f.id = a.filing_id
            """,
            migrations.RunSQL.noop,
        ),
    ]
