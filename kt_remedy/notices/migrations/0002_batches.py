import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

# Pauses stay; what was with the gateway is followed from now on by a batch for each call, or for a hundred unclear
# messages. The three periodic jobs are gone.
MOVE = """
SET LOCAL statement_timeout = '10min';
UPDATE notices_message SET retry_at = lease_until
    WHERE lease_until IS NOT NULL AND state IN ('QUEUED', 'FAILED_TEMPORARY', 'SENDING', 'ACCEPTED');
CREATE TEMP TABLE on_the_way ON COMMIT DROP AS
    SELECT id, dense_rank() OVER (ORDER BY state, CASE WHEN state = 'ACCEPTED' THEN provider_group END, chunk) AS number
    FROM (
        SELECT id, state, provider_group,
            CASE WHEN state = 'SENDING' THEN (row_number() OVER (PARTITION BY state ORDER BY id) - 1) / 100 END AS chunk
        FROM notices_message WHERE state IN ('SENDING', 'ACCEPTED')
    ) AS m;
INSERT INTO notices_batch (id, state, size, retry_at, attempts)
    OVERRIDING SYSTEM VALUE SELECT number, 'SENT', count(*), clock_timestamp(), 0 FROM on_the_way GROUP BY number;
SELECT setval(pg_get_serial_sequence('notices_batch', 'id'), coalesce(max(id), 0) + 1, false) FROM notices_batch;
UPDATE notices_message m SET batch_id = number FROM on_the_way w WHERE m.id = w.id;
DELETE FROM job WHERE code IN ('notices.send', 'notices.ask', 'notices.follow');
"""


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0002_published_rows'),
        ('notices', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='MessageBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('published_at', models.DateTimeField(editable=False, null=True)),
                ('taken_at', models.DateTimeField(editable=False, null=True)),
                ('waiting_since', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('retry_at', models.DateTimeField(editable=False, null=True)),
                ('attempts', models.IntegerField(default=0, editable=False)),
                ('state', models.CharField(choices=[('WAITING', 'Waiting'), ('SENT', 'Sent'), ('DONE', 'Done')], default='WAITING', max_length=7)),
                ('size', models.IntegerField(default=0)),
            ],
            options={
                'db_table': 'notices_batch',
                'indexes': [models.Index(condition=models.Q(('state__in', ['WAITING', 'SENT'])), fields=['state', 'retry_at'], name='batch_open')],
            },
        ),
        migrations.CreateModel(
            name='Pace',
            fields=[
                ('published_at', models.DateTimeField(editable=False, null=True)),
                ('taken_at', models.DateTimeField(editable=False, null=True)),
                ('waiting_since', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('retry_at', models.DateTimeField(editable=False, null=True)),
                ('attempts', models.IntegerField(default=0, editable=False)),
                ('provider', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('next_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'db_table': 'notices_pace',
            },
        ),
        migrations.AddField(
            model_name='message',
            name='retry_at',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
        ),
        migrations.AddField(
            model_name='message',
            name='batch',
            field=models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, to='notices.messagebatch'),
        ),
        migrations.RunSQL(MOVE),
        migrations.RemoveIndex(
            model_name='message',
            name='message_waiting',
        ),
        migrations.RemoveIndex(
            model_name='message',
            name='message_asked',
        ),
        migrations.RemoveIndex(
            model_name='message',
            name='message_accepted',
        ),
        migrations.RemoveField(
            model_name='message',
            name='lease_until',
        ),
        migrations.RemoveField(
            model_name='message',
            name='worker',
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('batch', None), ('bulk', False), ('state__in', ['QUEUED', 'FAILED_TEMPORARY'])), fields=['retry_at', 'id'], name='message_single'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('batch', None), ('bulk', True), ('state__in', ['QUEUED', 'FAILED_TEMPORARY'])), fields=['kind', 'subject', 'retry_at', 'id'], name='message_bulk'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('batch__isnull', False), ('state__in', ['QUEUED', 'FAILED_TEMPORARY', 'SENDING', 'ACCEPTED'])), fields=['batch'], name='message_in_batch'),
        ),
    ]
