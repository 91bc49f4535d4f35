import django.db.models.deletion
import kt_remedy.core.crypto
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='OptOut',
            fields=[
                ('index', kt_remedy.core.crypto.BlindIndexField(primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(verbose_name='등록한 때')),
            ],
            options={
                'verbose_name': '수신 거부',
                'verbose_name_plural': '수신 거부',
                'db_table': 'notices_opt_out',
            },
        ),
        migrations.CreateModel(
            name='Mailing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=40, verbose_name='종류')),
                ('subject', models.CharField(max_length=80, verbose_name='대상 업무')),
                ('state', models.CharField(choices=[('HELD', '확인 기다림'), ('CHECKED', '승인 기다림'), ('OPEN', '보내는 중'), ('PAUSED', '멈춤')], max_length=7, verbose_name='상태')),
                ('ko', models.TextField(blank=True, default='')),
                ('en', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField(verbose_name='만든 때')),
                ('approved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('checked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': '회차',
                'verbose_name_plural': '회차',
                'db_table': 'notices_round',
                'constraints': [models.UniqueConstraint(fields=('kind', 'subject'), name='round_once'), models.CheckConstraint(condition=models.Q(('approved_by__isnull', True), models.Q(('approved_by', models.F('checked_by')), _negated=True), _connector='OR'), name='round_two_people')],
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('lease_until', models.DateTimeField(editable=False, null=True)),
                ('attempts', models.IntegerField(default=0, editable=False)),
                ('worker', models.CharField(blank=True, editable=False, max_length=80)),
                ('kind', models.CharField(max_length=40, verbose_name='종류')),
                ('subject', models.CharField(max_length=80, verbose_name='대상 업무')),
                ('person_index', kt_remedy.core.crypto.BlindIndexField()),
                ('language', models.CharField(default='ko', max_length=2, verbose_name='언어')),
                ('bulk', models.BooleanField(default=False, verbose_name='대량')),
                ('to_enc', models.BinaryField(null=True)),
                ('recipient', models.CharField(blank=True, db_default='', max_length=40)),
                ('to_index', kt_remedy.core.crypto.BlindIndexField(null=True)),
                ('body', models.TextField(blank=True, db_default='', verbose_name='내용')),
                ('state', models.CharField(choices=[('QUEUED', '보낼 예정'), ('SENDING', '보내는 중'), ('ACCEPTED', '발송사 접수'), ('DELIVERED', '도착'), ('FAILED_TEMPORARY', '다시 보낼 예정'), ('FAILED', '보낼 수 없음'), ('UNKNOWN', '알 수 없음'), ('CANCELLED', '보내지 않음')], default='QUEUED', max_length=16, verbose_name='상태')),
                ('reason', models.CharField(blank=True, db_default='', max_length=40, verbose_name='사유')),
                ('provider_id', models.CharField(blank=True, db_default='', max_length=60, verbose_name='발송사 번호')),
                ('provider_group', models.CharField(blank=True, db_default='', max_length=60)),
                ('created_at', models.DateTimeField(verbose_name='만든 때')),
                ('sent_at', models.DateTimeField(null=True, verbose_name='보낸 때')),
                ('settled_at', models.DateTimeField(null=True, verbose_name='끝난 때')),
                ('tried_at', models.DateTimeField(null=True)),
                ('reached_at', models.DateTimeField(null=True, verbose_name='알린 때')),
                ('reached_how', models.CharField(blank=True, choices=[('CALL', '전화'), ('EMAIL', '이메일'), ('POST', '우편')], db_default='', max_length=5, verbose_name='알린 방법')),
                ('reached_by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='알린 사람')),
            ],
            options={
                'verbose_name': '메시지',
                'verbose_name_plural': '메시지',
                'db_table': 'notices_message',
                'indexes': [models.Index(condition=models.Q(('state__in', ['QUEUED', 'FAILED_TEMPORARY'])), fields=['bulk', 'id'], name='message_waiting'), models.Index(condition=models.Q(('state', 'SENDING')), fields=['tried_at'], name='message_asked'), models.Index(condition=models.Q(('state', 'ACCEPTED')), fields=['provider_group'], name='message_accepted'), models.Index(condition=models.Q(('reached_at', None), ('state__in', ['FAILED', 'UNKNOWN'])), fields=['kind', 'person_index'], name='message_unreached'), models.Index(condition=models.Q(('to_index__isnull', False)), fields=['to_index'], name='message_number')],
                'constraints': [models.UniqueConstraint(fields=('kind', 'subject', 'person_index'), name='message_once'), models.CheckConstraint(condition=models.Q(models.Q(('reached_at', None), ('reached_by', None), ('reached_how', '')), models.Q(('reached_at__isnull', False), ('reached_by__isnull', False), ('state__in', ['FAILED', 'UNKNOWN']), models.Q(('reached_how', ''), _negated=True)), _connector='OR'), name='message_reached')],
            },
        ),
        migrations.CreateModel(
            name='Text',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=40, verbose_name='종류')),
                ('ko', models.TextField(max_length=2000, verbose_name='한국어 문자')),
                ('en', models.TextField(max_length=2000, verbose_name='영어 문자')),
                ('since', models.DateTimeField(editable=False, verbose_name='언제부터')),
                ('reason', models.CharField(blank=True, max_length=200, verbose_name='고친 이유')),
                ('written_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL, verbose_name='쓴 사람')),
            ],
            options={
                'verbose_name': '보내는 문자',
                'verbose_name_plural': '보내는 문자',
                'db_table': 'notices_text',
                'indexes': [models.Index(fields=['kind', '-id'], name='text_newest')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='text',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='046a44c8db9316828e9887516bcfcd99aeaabcd2', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_f8645', table='notices_text', when='BEFORE')),
        ),
    ]
