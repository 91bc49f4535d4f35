"""The price plan of a line, optional columns of the delivery (docs/feed.md)."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('eligibility', '0002_blank_names'),
    ]

    operations = [
        migrations.AddField(
            model_name='line',
            name='plan_data',
            field=models.CharField(blank=True, choices=[('LIMITED', '한도 있음'), ('UNLIMITED', '무제한')], db_default='', default='', max_length=9, verbose_name='요금제 데이터'),
        ),
        migrations.AddField(
            model_name='line',
            name='plan_name',
            field=models.TextField(blank=True, db_default='', default='', verbose_name='요금제'),
        ),
        migrations.AddField(
            model_name='linehistory',
            name='plan_data',
            field=models.CharField(blank=True, choices=[('LIMITED', '한도 있음'), ('UNLIMITED', '무제한')], db_default='', default='', max_length=9, verbose_name='요금제 데이터'),
        ),
        migrations.AddField(
            model_name='linehistory',
            name='plan_name',
            field=models.TextField(blank=True, db_default='', default='', verbose_name='요금제'),
        ),
    ]
