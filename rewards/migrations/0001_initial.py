"""The tables of rewards. Grants are partitioned by month: 13 million rows a month, and a month is cleaned up at once."""

import django.contrib.postgres.fields
import django.db.models.deletion
import eligibility.models
import kt_remedy.core.crypto
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


MAKE_GRANTS = """
CREATE TABLE rewards_grant (
    month date NOT NULL,
    perk varchar(40) NOT NULL,
    contract_no varchar(20) COLLATE "C" NOT NULL,
    state varchar(10) NOT NULL CHECK (state IN ('GRANTED', 'SUSPENDED', 'TERMINATED')),
    PRIMARY KEY (month, perk, contract_no)
) PARTITION BY RANGE (month);
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Grant',
            fields=[
                ('pk', models.CompositePrimaryKey('month', 'perk', 'contract_no', blank=True, editable=False, primary_key=True, serialize=False)),
                ('month', models.DateField(verbose_name='달')),
                ('perk', models.CharField(max_length=40, verbose_name='혜택')),
                ('contract_no', eligibility.models.KeyField(max_length=20, verbose_name='계약번호')),
                ('state', models.CharField(choices=[('GRANTED', '받음'), ('SUSPENDED', '정지 중이어서 건너뜀'), ('TERMINATED', '해지되어 끝남')], max_length=10, verbose_name='상태')),
            ],
            options={
                'verbose_name': '월 지급',
                'verbose_name_plural': '월 지급',
                'db_table': 'rewards_grant',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='Entitlement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('perk', models.CharField(max_length=40, verbose_name='혜택')),
                ('kind', models.CharField(choices=[('CHOICE', '선택'), ('APPLICATION', '신청'), ('OPT_OUT', '받지 않음'), ('SUBSTITUTE', '대신 받음')], max_length=11, verbose_name='종류')),
                ('contract_no', eligibility.models.KeyField(max_length=20, null=True, verbose_name='계약번호')),
                ('person_index', kt_remedy.core.crypto.BlindIndexField()),
                ('choice', models.CharField(blank=True, max_length=40, verbose_name='서비스')),
                ('made_at', models.DateTimeField(verbose_name='시각')),
                ('starts_on', models.DateField(null=True, verbose_name='시작일')),
                ('ends_on', models.DateField(null=True, verbose_name='끝나는 날')),
            ],
            options={
                'verbose_name': '선택·신청',
                'verbose_name_plural': '선택·신청',
            },
        ),
        migrations.CreateModel(
            name='HandOff',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('lease_until', models.DateTimeField(editable=False, null=True)),
                ('attempts', models.IntegerField(default=0, editable=False)),
                ('worker', models.CharField(blank=True, editable=False, max_length=80)),
                ('part', models.SmallIntegerField(default=1, verbose_name='차수')),
                ('provider', models.CharField(max_length=40, verbose_name='제공처')),
                ('name', models.CharField(max_length=120, unique=True, verbose_name='파일')),
                ('rows', models.BigIntegerField(verbose_name='건수')),
                ('refused', models.BigIntegerField(default=0, verbose_name='못 받은 건')),
                ('state', models.CharField(choices=[('WAITING', '보낼 것'), ('SENT', '보냄'), ('ACKNOWLEDGED', '확인됨')], default='WAITING', max_length=12, verbose_name='상태')),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('sent_at', models.DateTimeField(null=True, verbose_name='보낸 시각')),
                ('acknowledged_at', models.DateTimeField(null=True, verbose_name='확인 시각')),
                ('fault', models.TextField(blank=True, verbose_name='문제')),
            ],
            options={
                'verbose_name': '제공처 전달',
                'verbose_name_plural': '제공처 전달',
            },
        ),
        migrations.CreateModel(
            name='RefusedRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(db_collation='C', max_length=40, verbose_name='계약번호나 고객번호')),
                ('code', models.CharField(blank=True, max_length=40, verbose_name='코드')),
            ],
            options={
                'verbose_name': '전달 못 한 건',
                'verbose_name_plural': '전달 못 한 건',
            },
        ),
        migrations.CreateModel(
            name='Shard',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('lease_until', models.DateTimeField(editable=False, null=True)),
                ('attempts', models.IntegerField(default=0, editable=False)),
                ('worker', models.CharField(blank=True, editable=False, max_length=80)),
                ('kind', models.CharField(choices=[('BASE', '대상 확정'), ('GRANT', '월 지급'), ('LIST', '달 명단'), ('DAY', '하루 변경')], max_length=8, verbose_name='작업')),
                ('perk', models.CharField(blank=True, max_length=40, verbose_name='혜택')),
                ('month', models.DateField(null=True, verbose_name='달')),
                ('number', models.IntegerField(verbose_name='번호')),
                ('from_contract', eligibility.models.KeyField(blank=True, max_length=20)),
                ('to_contract', eligibility.models.KeyField(blank=True, max_length=20)),
                ('rows', models.BigIntegerField(null=True, verbose_name='건수')),
                ('counts', models.JSONField(default=dict, editable=False)),
                ('done_at', models.DateTimeField(null=True, verbose_name='끝')),
                ('fault', models.TextField(blank=True, verbose_name='문제')),
            ],
            options={
                'verbose_name': '작업 조각',
                'verbose_name_plural': '작업 조각',
            },
        ),
        migrations.CreateModel(
            name='Voucher',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('perk', models.CharField(max_length=40, verbose_name='혜택')),
                ('choice', models.CharField(max_length=40, verbose_name='서비스')),
                ('code_enc', models.BinaryField()),
                ('code_index', kt_remedy.core.crypto.BlindIndexField(unique=True)),
                ('imported_at', models.DateTimeField(verbose_name='등록')),
            ],
            options={
                'verbose_name': '이용권',
                'verbose_name_plural': '이용권',
            },
        ),
        migrations.CreateModel(
            name='BaseLine',
            fields=[
                ('contract_no', eligibility.models.KeyField(max_length=20, primary_key=True, serialize=False, verbose_name='계약번호')),
                ('customer_no', eligibility.models.KeyField(max_length=20, verbose_name='고객번호')),
                ('person_index', kt_remedy.core.crypto.BlindIndexField(null=True)),
                ('why', models.CharField(choices=[('IN_SERVICE', '기준일이 끝날 때 이용 중'), ('TERMINATED', '기준일이나 그 전에 해지'), ('OPENED_LATER', '기준일 뒤에 개통'), ('NETWORK', '다른 사업자의 회선')], max_length=12, verbose_name='이유')),
                ('perks', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), size=None, verbose_name='혜택')),
            ],
            options={
                'verbose_name': '기준일 회선',
                'verbose_name_plural': '기준일 회선',
                'indexes': [models.Index(condition=models.Q(('person_index__isnull', False)), fields=['person_index'], name='base_person')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='baseline',
            trigger=pgtrigger.compiler.Trigger(name='frozen', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='67d7b5b27b0d3fbbaf42c4e481fcb0f677256582', operation='UPDATE OR DELETE', pgid='pgtrigger_frozen_12537', table='rewards_baseline', when='BEFORE')),
        ),
        migrations.AddField(
            model_name='entitlement',
            name='made_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='refusedrow',
            name='hand_off',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refused_rows', to='rewards.handoff', verbose_name='전달'),
        ),
        migrations.AddIndex(
            model_name='shard',
            index=models.Index(condition=models.Q(('done_at__isnull', True)), fields=['kind', 'id'], name='shard_open'),
        ),
        migrations.AddConstraint(
            model_name='shard',
            constraint=models.UniqueConstraint(fields=('kind', 'perk', 'month', 'number'), name='shard_once', nulls_distinct=False),
        ),
        migrations.AddField(
            model_name='handoff',
            name='shard',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='hand_offs', to='rewards.shard', verbose_name='작업 조각'),
        ),
        migrations.AddIndex(
            model_name='voucher',
            index=models.Index(fields=['perk', 'choice'], name='voucher_kind'),
        ),
        migrations.AddField(
            model_name='entitlement',
            name='voucher',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='entitlement', to='rewards.voucher'),
        ),
        migrations.AddConstraint(
            model_name='refusedrow',
            constraint=models.UniqueConstraint(fields=('hand_off', 'key'), name='refused_once'),
        ),
        migrations.AddIndex(
            model_name='handoff',
            index=models.Index(condition=models.Q(('state', 'ACKNOWLEDGED'), _negated=True), fields=['provider', 'id'], name='hand_off_open'),
        ),
        migrations.AddConstraint(
            model_name='handoff',
            constraint=models.UniqueConstraint(fields=('shard', 'part'), name='hand_off_part'),
        ),
        migrations.AddIndex(
            model_name='entitlement',
            index=models.Index(fields=['person_index'], name='entitlement_person'),
        ),
        migrations.AddConstraint(
            model_name='entitlement',
            constraint=models.UniqueConstraint(condition=models.Q(('contract_no__isnull', False)), fields=('perk', 'contract_no'), name='one_per_line'),
        ),
        migrations.AddConstraint(
            model_name='entitlement',
            constraint=models.UniqueConstraint(condition=models.Q(('contract_no__isnull', True)), fields=('perk', 'person_index'), name='one_per_person'),
        ),
        migrations.AddConstraint(
            model_name='entitlement',
            constraint=models.CheckConstraint(condition=models.Q(('ends_on__isnull', True), ('ends_on__gt', models.F('starts_on')), _connector='OR'), name='ends_after_start'),
        ),
        migrations.AddConstraint(
            model_name='entitlement',
            constraint=models.CheckConstraint(condition=models.Q(('voucher__isnull', True), ('starts_on__isnull', False), _connector='OR'), name='voucher_has_dates'),
        ),
        migrations.RunSQL(MAKE_GRANTS, "DROP TABLE rewards_grant"),
    ]
