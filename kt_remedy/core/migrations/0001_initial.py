"""The tables of core, and the table of the database cache (`CACHES`) as `createcachetable` would make it."""

from django.db import migrations, models


# `migrate` alone is enough for a new database; a table that `createcachetable` made is kept.
MAKE_CACHE = """
CREATE TABLE IF NOT EXISTS "cache" (
    "cache_key" varchar(255) NOT NULL PRIMARY KEY,
    "value" text NOT NULL,
    "expires" timestamp with time zone NOT NULL
);
CREATE INDEX IF NOT EXISTS "cache_expires" ON "cache" ("expires");
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='LimitCounter',
            fields=[
                ('key', models.CharField(max_length=128, primary_key=True, serialize=False)),
                ('hits', models.IntegerField()),
                ('window_ends', models.DateTimeField()),
            ],
            options={
                'db_table': 'limit_counter',
            },
        ),
        migrations.CreateModel(
            name='PeriodicTask',
            fields=[
                ('code', models.CharField(max_length=80, primary_key=True, serialize=False, verbose_name='업무')),
                ('due_at', models.DateTimeField(verbose_name='다음 실행')),
                ('planned_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(null=True, verbose_name='시작')),
                ('succeeded_at', models.DateTimeField(null=True, verbose_name='마지막 성공')),
                ('failures', models.IntegerField(default=0, verbose_name='연속 실패')),
                ('result_messages', models.JSONField(blank=True, default=list, verbose_name='결과')),
            ],
            options={
                'verbose_name': '반복 업무',
                'verbose_name_plural': '반복 업무',
                'db_table': 'job',
            },
        ),
        migrations.CreateModel(
            name='ClockOffset',
            fields=[
                ('id', models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('ahead', models.DurationField()),
            ],
            options={
                'db_table': 'clock_offset',
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='clock_offset_one_row')],
            },
        ),
        migrations.CreateModel(
            name='DatedTask',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=80, verbose_name='업무')),
                ('due_at', models.DateTimeField(verbose_name='예정 시각')),
                ('state', models.CharField(choices=[('WAITING', '예정'), ('RUNNING', '진행 중'), ('DONE', '끝남'), ('FAILED', '실패'), ('MISSED', '놓침')], default='WAITING', max_length=8, verbose_name='상태')),
                ('started_at', models.DateTimeField(null=True, verbose_name='시작')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='끝')),
                ('result_messages', models.JSONField(blank=True, default=list, verbose_name='결과')),
                ('attempts', models.IntegerField(default=0)),
                ('seen_at', models.DateTimeField(null=True)),
                ('retry_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': '일정',
                'verbose_name_plural': '일정',
                'db_table': 'act',
                'indexes': [models.Index(fields=['state', 'due_at'], name='act_due')],
                'constraints': [models.UniqueConstraint(fields=('code', 'due_at'), name='act_once_per_due_time')],
            },
        ),
        migrations.RunSQL(MAKE_CACHE, 'DROP TABLE "cache"'),
    ]
