"""Shards and hand-offs become rows that beat publishes: no lease and no worker, but the time of the next attempt.

The end of a lease was the time of the next attempt after a fault, so its column is kept under the new name.
"""

import django.db.models.functions.datetime
from django.db import migrations, models


def published_columns(model_name):
    return [
        migrations.RenameField(model_name=model_name, old_name='lease_until', new_name='retry_at'),
        migrations.RemoveField(model_name=model_name, name='worker'),
        migrations.AddField(
            model_name=model_name,
            name='published_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name=model_name,
            name='taken_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name=model_name,
            name='waiting_since',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
        ),
    ]


class Migration(migrations.Migration):

    dependencies = [
        ('rewards', '0001_initial'),
    ]

    operations = [*published_columns('shard'), *published_columns('handoff')]
