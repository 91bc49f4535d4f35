"""No index on the batch of an item alone: `item_batch_state` begins with it."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('refunds', '0023_d_bank_words'),
    ]

    operations = [
        migrations.AlterField(
            model_name='item',
            name='batch',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='items', to='refunds.batch', verbose_name='지급 회차'),
        ),
    ]
