import django.db.models.deletion
import kt_remedy.core.crypto
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('eligibility', '0001_initial'),
        ('pghistory', '0007_auto_20250421_0444'),
        ('staff', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Adjustment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cause', models.CharField(choices=[('UNDERPAID', '덜 드림'), ('CORRECTED_BILL', '청구서가 정정됨'), ('OVERPAID', '더 드림(돌려받기)')], default='UNDERPAID', max_length=14, verbose_name='까닭')),
                ('amount_krw', models.BigIntegerField(verbose_name='금액(원)')),
                ('reason', models.TextField(verbose_name='이유')),
                ('status', models.CharField(choices=[('PROPOSED', '승인 기다림'), ('APPROVED', '승인됨'), ('DECLINED', '받아들이지 않음'), ('CLAIMED', '돌려받는 중'), ('RECOVERED', '돌려받음')], default='PROPOSED', max_length=9, verbose_name='상태')),
                ('proposed_person', kt_remedy.core.crypto.BlindIndexField()),
                ('proposed_at', models.DateTimeField(verbose_name='낸 때')),
                ('decided_person', kt_remedy.core.crypto.BlindIndexField(null=True)),
                ('decided_at', models.DateTimeField(blank=True, null=True, verbose_name='정한 때')),
            ],
            options={
                'verbose_name': '정정 지급',
                'verbose_name_plural': '정정 지급',
                'db_table': 'refunds_adjustment',
            },
        ),
        migrations.CreateModel(
            name='AdjustmentEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('status', models.CharField(choices=[('PROPOSED', '승인 기다림'), ('APPROVED', '승인됨'), ('DECLINED', '받아들이지 않음'), ('CLAIMED', '돌려받는 중'), ('RECOVERED', '돌려받음')], default='PROPOSED', max_length=9, verbose_name='상태')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Application',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(choices=[('WEB', '홈페이지'), ('STORE', '매장'), ('CALL_CENTRE', '고객센터')], editable=False, max_length=11, null=True, verbose_name='접수처')),
                ('status', models.CharField(choices=[('SUBMITTED', '접수'), ('WAITING_FOR_BILL', '청구 대기'), ('ON_HOLD_UNPAID', '납부 대기'), ('NEED_ACCOUNT', '계좌 확인 필요'), ('NEED_DOCS', '서류 필요'), ('REVIEW', '심사 중'), ('LATE', '기간 뒤 접수'), ('APPROVED', '승인'), ('REJECTED', '거절'), ('WITHDRAWN', '철회')], default='SUBMITTED', max_length=16, verbose_name='상태')),
                ('status_since', models.DateTimeField(verbose_name='상태 변경')),
                ('applied_on', models.DateField(verbose_name='신청일')),
                ('lateness', models.CharField(choices=[('IN_TIME', '기간 안'), ('CURED', '기간 뒤, 휴일로 늦음'), ('LATE', '기간 뒤')], default='IN_TIME', max_length=7, verbose_name='기간')),
                ('amount_seen_krw', models.BigIntegerField(blank=True, null=True, verbose_name='신청 때 금액')),
                ('qa_sample', models.BooleanField(default=False, verbose_name='표본 심사')),
                ('reviewed', models.BooleanField(default=False, verbose_name='심사 끝남')),
                ('hold_until', models.DateTimeField(blank=True, null=True, verbose_name='보류 기한')),
                ('flag', models.CharField(blank=True, default='', max_length=20, verbose_name='확인 표시')),
                ('documents_due_on', models.DateField(blank=True, null=True, verbose_name='서류 기한')),
                ('reviewer_until', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': '신청',
                'verbose_name_plural': '신청',
                'db_table': 'refunds_application',
            },
        ),
        migrations.CreateModel(
            name='ApplicationEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('hold_until', models.DateTimeField(blank=True, null=True, verbose_name='보류 기한')),
                ('flag', models.CharField(blank=True, default='', max_length=20, verbose_name='확인 표시')),
                ('qa_sample', models.BooleanField(default=False, verbose_name='표본 심사')),
                ('status', models.CharField(choices=[('SUBMITTED', '접수'), ('WAITING_FOR_BILL', '청구 대기'), ('ON_HOLD_UNPAID', '납부 대기'), ('NEED_ACCOUNT', '계좌 확인 필요'), ('NEED_DOCS', '서류 필요'), ('REVIEW', '심사 중'), ('LATE', '기간 뒤 접수'), ('APPROVED', '승인'), ('REJECTED', '거절'), ('WITHDRAWN', '철회')], default='SUBMITTED', max_length=16, verbose_name='상태')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='BankFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('part', models.SmallIntegerField(verbose_name='순번')),
                ('status', models.CharField(choices=[('MADE', '만듦'), ('HANDED_OVER', '은행에 전달'), ('REFUSED', '은행이 거절')], default='MADE', max_length=12, verbose_name='상태')),
                ('layout', models.CharField(max_length=10, verbose_name='양식')),
                ('name', models.CharField(max_length=80, verbose_name='파일 이름')),
                ('message_id', models.CharField(db_collation='C', max_length=35, unique=True, verbose_name='메시지 번호')),
                ('execution_on', models.DateField(verbose_name='이체일')),
                ('count', models.IntegerField(verbose_name='건수')),
                ('won', models.BigIntegerField(verbose_name='합계(원)')),
                ('size', models.BigIntegerField(verbose_name='크기(바이트)')),
                ('sha256', models.CharField(max_length=64, verbose_name='SHA-256')),
                ('made_at', models.DateTimeField(verbose_name='만든 때')),
                ('handed_over_at', models.DateTimeField(blank=True, null=True, verbose_name='전달')),
                ('refused_because', models.CharField(blank=True, default='', max_length=140, verbose_name='거절 이유')),
            ],
            options={
                'verbose_name': '은행 파일',
                'verbose_name_plural': '은행 파일',
                'db_table': 'refunds_bank_file',
                'ordering': ['batch', 'part'],
            },
        ),
        migrations.CreateModel(
            name='BankFileEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('status', models.CharField(choices=[('MADE', '만듦'), ('HANDED_OVER', '은행에 전달'), ('REFUSED', '은행이 거절')], default='MADE', max_length=12, verbose_name='상태')),
                ('refused_because', models.CharField(blank=True, default='', max_length=140, verbose_name='거절 이유')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Batch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('pay_on', models.DateField(unique=True, verbose_name='지급일')),
                ('number', models.SmallIntegerField(verbose_name='회차')),
                ('cut_off', models.DateTimeField(verbose_name='마감')),
                ('status', models.CharField(choices=[('OPEN', '모음'), ('FROZEN', '승인 기다림'), ('APPROVED', '승인됨'), ('FILED', '파일 만듦'), ('HANDED_OVER', '은행에 전달'), ('REFUSED', '은행이 파일을 거절'), ('SETTLED', '정산 끝')], default='OPEN', max_length=12, verbose_name='상태')),
                ('count', models.IntegerField(blank=True, null=True, verbose_name='건수')),
                ('won', models.BigIntegerField(blank=True, null=True, verbose_name='합계(원)')),
                ('hash_total', models.BigIntegerField(blank=True, null=True, verbose_name='계좌 합')),
                ('digest', models.CharField(blank=True, default='', max_length=64, verbose_name='확인값')),
                ('excluded', models.JSONField(blank=True, default=dict, verbose_name='나가지 않는 것')),
                ('programme_snapshot', models.JSONField(blank=True, default=dict, editable=False)),
                ('prepared_person', kt_remedy.core.crypto.BlindIndexField(null=True)),
                ('prepared_at', models.DateTimeField(blank=True, null=True, verbose_name='확정')),
                ('approved_person', kt_remedy.core.crypto.BlindIndexField(null=True)),
                ('approved_at', models.DateTimeField(blank=True, null=True, verbose_name='승인')),
                ('approved_digest', models.CharField(blank=True, default='', max_length=64)),
                ('opened_again', models.TextField(blank=True, default='', verbose_name='돌려보낸 이유')),
                ('handed_over_at', models.DateTimeField(blank=True, null=True, verbose_name='은행에 전달')),
                ('settled_at', models.DateTimeField(blank=True, null=True, verbose_name='정산')),
            ],
            options={
                'verbose_name': '지급 회차',
                'verbose_name_plural': '지급 회차',
                'db_table': 'refunds_batch',
                'ordering': ['pay_on'],
            },
        ),
        migrations.CreateModel(
            name='BatchEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('status', models.CharField(choices=[('OPEN', '모음'), ('FROZEN', '승인 기다림'), ('APPROVED', '승인됨'), ('FILED', '파일 만듦'), ('HANDED_OVER', '은행에 전달'), ('REFUSED', '은행이 파일을 거절'), ('SETTLED', '정산 끝')], default='OPEN', max_length=12, verbose_name='상태')),
                ('count', models.IntegerField(blank=True, null=True, verbose_name='건수')),
                ('won', models.BigIntegerField(blank=True, null=True, verbose_name='합계(원)')),
                ('hash_total', models.BigIntegerField(blank=True, null=True, verbose_name='계좌 합')),
                ('digest', models.CharField(blank=True, default='', max_length=64, verbose_name='확인값')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Chunk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(db_collation='C', max_length=64)),
                ('number', models.IntegerField()),
                ('data_enc', models.BinaryField()),
            ],
            options={
                'db_table': 'refunds_chunk',
            },
        ),
        migrations.CreateModel(
            name='Decision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('from_status', models.CharField(blank=True, choices=[('SUBMITTED', '접수'), ('WAITING_FOR_BILL', '청구 대기'), ('ON_HOLD_UNPAID', '납부 대기'), ('NEED_ACCOUNT', '계좌 확인 필요'), ('NEED_DOCS', '서류 필요'), ('REVIEW', '심사 중'), ('LATE', '기간 뒤 접수'), ('APPROVED', '승인'), ('REJECTED', '거절'), ('WITHDRAWN', '철회')], max_length=16, verbose_name='이전')),
                ('to_status', models.CharField(choices=[('SUBMITTED', '접수'), ('WAITING_FOR_BILL', '청구 대기'), ('ON_HOLD_UNPAID', '납부 대기'), ('NEED_ACCOUNT', '계좌 확인 필요'), ('NEED_DOCS', '서류 필요'), ('REVIEW', '심사 중'), ('LATE', '기간 뒤 접수'), ('APPROVED', '승인'), ('REJECTED', '거절'), ('WITHDRAWN', '철회')], max_length=16, verbose_name='이후')),
                ('actor', models.CharField(max_length=40, verbose_name='누가')),
                ('code', models.CharField(max_length=40, verbose_name='이유')),
                ('words', models.TextField(blank=True, default='', verbose_name='설명')),
                ('decided_at', models.DateTimeField(verbose_name='시각')),
            ],
            options={
                'verbose_name': '결정',
                'verbose_name_plural': '결정',
                'db_table': 'refunds_decision',
            },
        ),
        migrations.CreateModel(
            name='Download',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(verbose_name='언제')),
                ('reason', models.TextField(verbose_name='왜')),
            ],
            options={
                'verbose_name': '내려받은 기록',
                'verbose_name_plural': '내려받은 기록',
                'db_table': 'refunds_download',
            },
        ),
        migrations.CreateModel(
            name='Draft',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('person_index', kt_remedy.core.crypto.BlindIndexField()),
                ('answers_enc', models.BinaryField()),
                ('saved_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'refunds_draft',
            },
        ),
        migrations.CreateModel(
            name='Evidence',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=3, verbose_name='종류')),
                ('size', models.PositiveIntegerField(verbose_name='크기')),
                ('content_index', kt_remedy.core.crypto.BlindIndexField()),
                ('name_enc', models.BinaryField(null=True)),
                ('file_key_enc', models.BinaryField(null=True)),
                ('added_by', models.CharField(max_length=40, verbose_name='올린 사람')),
                ('added_at', models.DateTimeField(verbose_name='올린 때')),
                ('wiped_at', models.DateTimeField(blank=True, null=True, verbose_name='삭제')),
            ],
            options={
                'verbose_name': '낸 서류',
                'verbose_name_plural': '낸 서류',
                'db_table': 'refunds_evidence',
            },
        ),
        migrations.CreateModel(
            name='ExcludedApplication',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(max_length=20, verbose_name='이유')),
            ],
            options={
                'verbose_name': '이번에 나가지 않는 것',
                'verbose_name_plural': '이번에 나가지 않는 것',
                'db_table': 'refunds_left_behind',
            },
        ),
        migrations.CreateModel(
            name='Filing',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('reference', models.CharField(db_collation='C', max_length=12, unique=True, verbose_name='접수번호')),
                ('idempotency_key', models.CharField(db_collation='C', editable=False, max_length=64, unique=True)),
                ('channel', models.CharField(choices=[('WEB', '홈페이지'), ('STORE', '매장'), ('CALL_CENTRE', '고객센터')], max_length=11, verbose_name='접수처')),
                ('person_index', kt_remedy.core.crypto.BlindIndexField()),
                ('representation', models.CharField(choices=[('SELF', '본인'), ('GUARDIAN', '법정대리인'), ('PROXY', '대리인'), ('HEIR', '상속인'), ('COMPANY', '법인')], default='SELF', max_length=8, verbose_name='신청인')),
                ('representative_enc', models.BinaryField(null=True)),
                ('representative_index', kt_remedy.core.crypto.BlindIndexField(null=True)),
                ('documents', models.JSONField(blank=True, default=list, verbose_name='확인한 서류')),
                ('consents', models.JSONField(default=dict, verbose_name='동의')),
                ('contact_enc', models.BinaryField()),
                ('language', models.CharField(default='ko', max_length=2, verbose_name='언어')),
                ('proof', models.JSONField(default=dict, verbose_name='본인 확인')),
                ('received_at', models.DateTimeField(verbose_name='접수')),
                ('outage_reason', models.TextField(blank=True, default='', verbose_name='장애 사유')),
            ],
            options={
                'verbose_name': '접수',
                'verbose_name_plural': '접수',
                'db_table': 'refunds_filing',
            },
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.TextField(verbose_name='이유')),
                ('placed_at', models.DateTimeField(verbose_name='보류')),
                ('released_at', models.DateTimeField(blank=True, null=True, verbose_name='해제')),
            ],
            options={
                'verbose_name': '지급 보류',
                'verbose_name_plural': '지급 보류',
                'db_table': 'refunds_hold',
            },
        ),
        migrations.CreateModel(
            name='HolderCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('lease_until', models.DateTimeField(editable=False, null=True)),
                ('attempts', models.IntegerField(default=0, editable=False)),
                ('worker', models.CharField(blank=True, editable=False, max_length=80)),
                ('outcome', models.CharField(blank=True, choices=[('', '아직 묻지 않음'), ('MATCH', '일치'), ('MISMATCH', '불일치'), ('NOT_FOUND', '없는 계좌'), ('CLOSED', '해지된 계좌'), ('BANK_MAINTENANCE', '은행 점검 중'), ('TIMEOUT', '응답 없음'), ('OFFLINE', '한국 계좌 없음')], default='', max_length=16, verbose_name='결과')),
                ('reason', models.CharField(blank=True, choices=[('EXACT', '그대로 같음'), ('NORMALISED', '표기만 다름'), ('MISMATCH', '다름')], default='', max_length=10, verbose_name='이름 비교')),
                ('verification_id', models.CharField(blank=True, default='', max_length=64)),
                ('asked_at', models.DateTimeField(null=True, verbose_name='조회')),
                ('next_try_at', models.DateTimeField(verbose_name='다음 조회')),
            ],
            options={
                'verbose_name': '예금주 조회',
                'verbose_name_plural': '예금주 조회',
                'db_table': 'refunds_holder_check',
            },
        ),
        migrations.CreateModel(
            name='Inquiry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.SmallIntegerField(verbose_name='순번')),
                ('name', models.CharField(db_collation='C', max_length=80, unique=True, verbose_name='파일 이름')),
                ('count', models.IntegerField(verbose_name='건수')),
                ('won', models.BigIntegerField(verbose_name='합계(원)')),
                ('size', models.BigIntegerField(verbose_name='크기(바이트)')),
                ('sha256', models.CharField(max_length=64, verbose_name='SHA-256')),
                ('made_at', models.DateTimeField(verbose_name='만든 때')),
            ],
            options={
                'verbose_name': '은행 조회 목록',
                'verbose_name_plural': '은행 조회 목록',
                'db_table': 'refunds_inquiry',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Item',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('REFUND', '환급'), ('ADJUSTMENT', '정정')], default='REFUND', max_length=10, verbose_name='종류')),
                ('contract_no', models.CharField(db_collation='C', max_length=20, verbose_name='계약번호')),
                ('amount_krw', models.BigIntegerField(verbose_name='금액(원)')),
                ('attempt', models.SmallIntegerField(verbose_name='번째 시도')),
                ('reference', models.CharField(db_collation='C', max_length=35, verbose_name='관리번호')),
                ('bills_digest', models.BinaryField()),
                ('digest', models.BinaryField()),
                ('status', models.CharField(choices=[('QUEUED', '지급 준비'), ('VOID', '뺌'), ('FILED', '은행에 보냄'), ('PAID', '입금됨'), ('RETURNED', '되돌아옴'), ('UNKNOWN', '은행 답 없음')], default='QUEUED', max_length=8, verbose_name='상태')),
                ('status_at', models.DateTimeField(verbose_name='상태 변경')),
                ('taken_out_because', models.TextField(blank=True, default='', verbose_name='뺀 이유')),
                ('code', models.CharField(blank=True, default='', max_length=35, verbose_name='은행 코드')),
                ('words', models.CharField(blank=True, default='', max_length=140, verbose_name='은행 설명')),
            ],
            options={
                'verbose_name': '지급 건',
                'verbose_name_plural': '지급 건',
                'db_table': 'refunds_item',
            },
        ),
        migrations.CreateModel(
            name='ItemEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('status', models.CharField(choices=[('QUEUED', '지급 준비'), ('VOID', '뺌'), ('FILED', '은행에 보냄'), ('PAID', '입금됨'), ('RETURNED', '되돌아옴'), ('UNKNOWN', '은행 답 없음')], default='QUEUED', max_length=8, verbose_name='상태')),
                ('status_at', models.DateTimeField(verbose_name='상태 변경')),
                ('amount_krw', models.BigIntegerField(verbose_name='금액(원)')),
                ('code', models.CharField(blank=True, default='', max_length=35, verbose_name='은행 코드')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Note',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('person_index', kt_remedy.core.crypto.BlindIndexField()),
                ('words_enc', models.BinaryField()),
                ('key', models.UUIDField(default=uuid.uuid4, editable=False)),
                ('written_at', models.DateTimeField()),
                ('call_back_at', models.DateTimeField(blank=True, null=True)),
                ('called_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': '상담 메모',
                'verbose_name_plural': '상담 메모',
                'db_table': 'refunds_note',
            },
        ),
        migrations.CreateModel(
            name='Objection',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('person_index', kt_remedy.core.crypto.BlindIndexField()),
                ('words_enc', models.BinaryField()),
                ('contact_enc', models.BinaryField()),
                ('language', models.CharField(default='ko', max_length=2, verbose_name='언어')),
                ('verdict_outcome', models.CharField(max_length=12, verbose_name='판정')),
                ('verdict_reasons', models.CharField(blank=True, max_length=400, verbose_name='이유')),
                ('amount_seen_krw', models.BigIntegerField(verbose_name='본 금액')),
                ('status', models.CharField(choices=[('OPEN', '답변 대기'), ('UPHELD', '받아들임'), ('DECLINED', '받아들이지 않음')], default='OPEN', max_length=8, verbose_name='상태')),
                ('received_at', models.DateTimeField(verbose_name='접수')),
                ('answer_by', models.DateField(verbose_name='답변 기한')),
                ('answer', models.TextField(blank=True, default='', verbose_name='답변')),
                ('answered_at', models.DateTimeField(blank=True, null=True, verbose_name='답변 시각')),
            ],
            options={
                'verbose_name': '이의',
                'verbose_name_plural': '이의',
                'db_table': 'refunds_objection',
            },
        ),
        migrations.CreateModel(
            name='OfflinePayment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('way', models.CharField(choices=[('OVERSEAS', '해외 송금'), ('CHEQUE', '수표'), ('POST', '우체국 현금 배달')], max_length=8, verbose_name='보낸 방법')),
                ('paid_on', models.DateField(verbose_name='보낸 날')),
                ('reference', models.CharField(max_length=60, verbose_name='영수증 번호')),
                ('amount_krw', models.BigIntegerField(verbose_name='금액(원)')),
                ('bills_digest', models.BinaryField()),
                ('refundable_items', models.JSONField(editable=False)),
                ('status', models.CharField(choices=[('RECORDED', '확인 기다림'), ('CONFIRMED', '지급됨'), ('DECLINED', '받아들이지 않음')], default='RECORDED', max_length=9, verbose_name='상태')),
                ('recorded_person', kt_remedy.core.crypto.BlindIndexField()),
                ('recorded_at', models.DateTimeField(verbose_name='적은 때')),
                ('decided_person', kt_remedy.core.crypto.BlindIndexField(null=True)),
                ('decided_at', models.DateTimeField(blank=True, null=True, verbose_name='확인한 때')),
            ],
            options={
                'verbose_name': '따로 보낸 지급',
                'verbose_name_plural': '따로 보낸 지급',
                'db_table': 'refunds_manual_payment',
            },
        ),
        migrations.CreateModel(
            name='OfflinePaymentEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('status', models.CharField(choices=[('RECORDED', '확인 기다림'), ('CONFIRMED', '지급됨'), ('DECLINED', '받아들이지 않음')], default='RECORDED', max_length=9, verbose_name='상태')),
            ],
            options={
                'db_table': 'refunds_manualpaymentevent',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ResultFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sha256', models.CharField(max_length=64, unique=True, verbose_name='SHA-256')),
                ('name', models.CharField(max_length=120, verbose_name='파일 이름')),
                ('layout', models.CharField(max_length=10, verbose_name='양식')),
                ('size', models.BigIntegerField(verbose_name='크기(바이트)')),
                ('rows', models.IntegerField(verbose_name='행')),
                ('paid', models.IntegerField(default=0, verbose_name='입금')),
                ('paid_won', models.BigIntegerField(default=0, verbose_name='입금(원)')),
                ('returned', models.IntegerField(default=0, verbose_name='되돌아옴')),
                ('returned_won', models.BigIntegerField(default=0, verbose_name='되돌아옴(원)')),
                ('unknown', models.IntegerField(default=0, verbose_name='모름')),
                ('absent', models.IntegerField(default=0, verbose_name='답 없음')),
                ('notes', models.JSONField(blank=True, default=list, verbose_name='알아 둘 것')),
                ('loaded_at', models.DateTimeField(verbose_name='올린 때')),
            ],
            options={
                'verbose_name': '은행 결과',
                'verbose_name_plural': '은행 결과',
                'db_table': 'refunds_result_file',
                'ordering': ['-loaded_at'],
            },
        ),
        migrations.CreateModel(
            name='Roster',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('duty', models.CharField(choices=[('FREEZE', '회차 확정'), ('APPROVE', '승인'), ('FILE', '은행 파일과 전달'), ('RESULTS', '은행 결과와 조회')], max_length=8, unique=True, verbose_name='업무')),
                ('named_at', models.DateTimeField(verbose_name='정한 때')),
            ],
            options={
                'verbose_name': '담당과 대리',
                'verbose_name_plural': '담당과 대리',
                'db_table': 'refunds_roster',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Account',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('bank_code', models.CharField(max_length=3, verbose_name='은행')),
                ('number_enc', models.BinaryField(null=True)),
                ('number_index', kt_remedy.core.crypto.BlindIndexField()),
                ('last4', models.CharField(max_length=4, verbose_name='끝 네 자리')),
                ('holder_name_enc', models.BinaryField(null=True)),
                ('holder_birth_enc', models.BinaryField(null=True)),
                ('owner_kind', models.CharField(choices=[('SELF', '본인'), ('GUARDIAN', '법정대리인'), ('PROXY', '대리인'), ('HEIR', '상속인'), ('COMPANY', '법인')], default='SELF', max_length=8, verbose_name='예금주')),
                ('person_index', kt_remedy.core.crypto.BlindIndexField()),
                ('created_at', models.DateTimeField(verbose_name='등록')),
                ('wiped_at', models.DateTimeField(null=True, verbose_name='삭제')),
            ],
            options={
                'verbose_name': '환급 계좌',
                'verbose_name_plural': '환급 계좌',
                'db_table': 'refunds_account',
                'indexes': [models.Index(fields=['number_index'], name='account_number')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='account',
            trigger=pgtrigger.compiler.Trigger(name='account_stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='97753c20b6472a662bb699a1563904af5bae252d', operation='DELETE', pgid='pgtrigger_account_stays_76ea3', table='refunds_account', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='account',
            trigger=pgtrigger.compiler.Trigger(name='account_unchanged', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NOT (NEW.number_enc IS NULL AND NEW.holder_name_enc IS NULL AND NEW.holder_birth_enc IS NULL AND NEW.wiped_at IS NOT NULL AND (NEW.id, NEW.bank_code, NEW.number_index, NEW.last4, NEW.owner_kind, NEW.person_index, NEW.created_at) IS NOT DISTINCT FROM (OLD.id, OLD.bank_code, OLD.number_index, OLD.last4, OLD.owner_kind, OLD.person_index, OLD.created_at)))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='378a499c2d67f7b0f26955db94fac0cc6e7a2eeb', operation='UPDATE', pgid='pgtrigger_account_unchanged_7e6d1', table='refunds_account', when='BEFORE')),
        ),
        migrations.AddField(
            model_name='adjustment',
            name='decided_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='정한 사람'),
        ),
        migrations.AddField(
            model_name='adjustment',
            name='proposed_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='낸 사람'),
        ),
        migrations.AddField(
            model_name='adjustmentevent',
            name='decided_by',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL, verbose_name='정한 사람'),
        ),
        migrations.AddField(
            model_name='adjustmentevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='refunds.adjustment'),
        ),
        migrations.AddField(
            model_name='application',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='applications', to='refunds.account', verbose_name='계좌'),
        ),
        migrations.AddField(
            model_name='application',
            name='line',
            field=models.ForeignKey(db_column='contract_no', on_delete=django.db.models.deletion.PROTECT, related_name='applications', to='eligibility.line', verbose_name='회선'),
        ),
        migrations.AddField(
            model_name='application',
            name='previous',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='refunds.application'),
        ),
        migrations.AddField(
            model_name='application',
            name='reviewer',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='심사자'),
        ),
        migrations.AddField(
            model_name='adjustment',
            name='application',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='adjustments', to='refunds.application', verbose_name='신청'),
        ),
        migrations.AddField(
            model_name='applicationevent',
            name='account',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='refunds.account', verbose_name='계좌'),
        ),
        migrations.AddField(
            model_name='applicationevent',
            name='pgh_context',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context'),
        ),
        migrations.AddField(
            model_name='applicationevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='account_hold_until_flag_qa_sample_status_events', to='refunds.application'),
        ),
        migrations.AddField(
            model_name='bankfile',
            name='handed_over_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='전달한 사람'),
        ),
        migrations.AddField(
            model_name='bankfile',
            name='made_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='만든 사람'),
        ),
        migrations.AddField(
            model_name='bankfile',
            name='replaces',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='refunds.bankfile', verbose_name='대신하는 파일'),
        ),
        migrations.AddField(
            model_name='bankfileevent',
            name='handed_over_by',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL, verbose_name='전달한 사람'),
        ),
        migrations.AddField(
            model_name='bankfileevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='refunds.bankfile'),
        ),
        migrations.CreateModel(
            name='BatchFigures',
            fields=[
                ('batch', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='figures', serialize=False, to='refunds.batch')),
                ('fingerprint', models.CharField(blank=True, default='', max_length=200)),
                ('asked', models.BooleanField(default=False)),
                ('began_at', models.DateTimeField(blank=True, null=True)),
                ('counted_at', models.DateTimeField(blank=True, null=True)),
                ('again', models.JSONField(blank=True, default=dict)),
                ('figures', models.JSONField(blank=True, default=dict)),
            ],
            options={
                'db_table': 'refunds_counted',
            },
        ),
        migrations.AddField(
            model_name='batch',
            name='approved_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='승인한 사람'),
        ),
        migrations.AddField(
            model_name='batch',
            name='prepared_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='준비한 사람'),
        ),
        migrations.AddField(
            model_name='bankfile',
            name='batch',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='files', to='refunds.batch', verbose_name='지급 회차'),
        ),
        migrations.AddField(
            model_name='batchevent',
            name='approved_by',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL, verbose_name='승인한 사람'),
        ),
        migrations.AddField(
            model_name='batchevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='refunds.batch'),
        ),
        migrations.AddField(
            model_name='batchevent',
            name='prepared_by',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL, verbose_name='준비한 사람'),
        ),
        migrations.AddConstraint(
            model_name='chunk',
            constraint=models.UniqueConstraint(fields=('key', 'number'), name='chunk_once'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='chunk',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='f821ebb15a5754dd0f669dd59888d8f3828ac554', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_73724', table='refunds_chunk', when='BEFORE')),
        ),
        migrations.AddField(
            model_name='decision',
            name='application',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='refunds.application', verbose_name='신청'),
        ),
        migrations.AddField(
            model_name='download',
            name='file',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='downloads', to='refunds.bankfile', verbose_name='은행 파일'),
        ),
        migrations.AddField(
            model_name='download',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='누가'),
        ),
        migrations.AddField(
            model_name='draft',
            name='opened_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='excludedapplication',
            name='application',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='refunds.application', verbose_name='신청'),
        ),
        migrations.AddField(
            model_name='excludedapplication',
            name='batch',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='excluded_applications', to='refunds.batch', verbose_name='지급 회차'),
        ),
        migrations.CreateModel(
            name='LateReason',
            fields=[
                ('filing', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='late_reason', serialize=False, to='refunds.filing')),
                ('kind', models.CharField(choices=[('MILITARY', '군 복무'), ('OVERSEAS', '해외 체류'), ('HOSPITAL', '입원'), ('PRISON', '수감'), ('ISLAND', '섬·산간 등 먼 곳'), ('OTHER', '그 밖의 까닭')], max_length=8, verbose_name='까닭')),
                ('ended_on', models.DateField(blank=True, null=True, verbose_name='끝난 날')),
                ('words_enc', models.BinaryField()),
            ],
            options={
                'verbose_name': '늦은 까닭',
                'verbose_name_plural': '늦은 까닭',
                'db_table': 'refunds_late_reason',
            },
        ),
        migrations.AddField(
            model_name='filing',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='filings', to='refunds.account'),
        ),
        migrations.AddField(
            model_name='filing',
            name='customer',
            field=models.ForeignKey(db_column='customer_no', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='eligibility.customer'),
        ),
        migrations.AddField(
            model_name='filing',
            name='filed_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='처리 직원'),
        ),
        migrations.AddField(
            model_name='filing',
            name='store',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='staff.store', verbose_name='매장'),
        ),
        migrations.AddField(
            model_name='evidence',
            name='filing',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='evidence', to='refunds.filing'),
        ),
        migrations.AddField(
            model_name='application',
            name='filing',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='applications', to='refunds.filing', verbose_name='접수'),
        ),
        migrations.AddField(
            model_name='hold',
            name='application',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='refunds.application', verbose_name='신청'),
        ),
        migrations.AddField(
            model_name='hold',
            name='placed_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='보류한 사람'),
        ),
        migrations.AddField(
            model_name='hold',
            name='released_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='푼 사람'),
        ),
        migrations.AddField(
            model_name='holdercheck',
            name='account',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='holder_check', to='refunds.account'),
        ),
        migrations.AddField(
            model_name='inquiry',
            name='file',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='inquiries', to='refunds.bankfile', verbose_name='은행 파일'),
        ),
        migrations.AddField(
            model_name='inquiry',
            name='made_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='만든 사람'),
        ),
        migrations.AddField(
            model_name='item',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='items', to='refunds.account', verbose_name='계좌'),
        ),
        migrations.AddField(
            model_name='item',
            name='adjustment',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='items', to='refunds.adjustment', verbose_name='정정'),
        ),
        migrations.AddField(
            model_name='item',
            name='application',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='items', to='refunds.application', verbose_name='신청'),
        ),
        migrations.AddField(
            model_name='item',
            name='batch',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='items', to='refunds.batch', verbose_name='지급 회차'),
        ),
        migrations.AddField(
            model_name='item',
            name='file',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='items', to='refunds.bankfile', verbose_name='은행 파일'),
        ),
        migrations.AddField(
            model_name='itemevent',
            name='file',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='refunds.bankfile', verbose_name='은행 파일'),
        ),
        migrations.AddField(
            model_name='itemevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='refunds.item'),
        ),
        migrations.AddField(
            model_name='note',
            name='customer',
            field=models.ForeignKey(db_column='customer_no', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='eligibility.customer'),
        ),
        migrations.AddField(
            model_name='note',
            name='written_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='objection',
            name='answered_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='답변자'),
        ),
        migrations.AddField(
            model_name='objection',
            name='application',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='objections', to='refunds.application'),
        ),
        migrations.AddField(
            model_name='objection',
            name='line',
            field=models.ForeignKey(db_column='contract_no', on_delete=django.db.models.deletion.PROTECT, related_name='objections', to='eligibility.line'),
        ),
        migrations.AddField(
            model_name='evidence',
            name='objection',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='evidence', to='refunds.objection'),
        ),
        migrations.AddField(
            model_name='offlinepayment',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='refunds.account', verbose_name='계좌'),
        ),
        migrations.AddField(
            model_name='offlinepayment',
            name='application',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='offline_payments', to='refunds.application', verbose_name='신청'),
        ),
        migrations.AddField(
            model_name='offlinepayment',
            name='decided_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='확인한 사람'),
        ),
        migrations.AddField(
            model_name='offlinepayment',
            name='recorded_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='적은 사람'),
        ),
        migrations.AddField(
            model_name='offlinepaymentevent',
            name='decided_by',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL, verbose_name='확인한 사람'),
        ),
        migrations.AddField(
            model_name='offlinepaymentevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='refunds.offlinepayment'),
        ),
        migrations.AddField(
            model_name='resultfile',
            name='files',
            field=models.ManyToManyField(related_name='results', to='refunds.bankfile', verbose_name='은행 파일'),
        ),
        migrations.AddField(
            model_name='resultfile',
            name='loaded_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='올린 사람'),
        ),
        migrations.AddField(
            model_name='itemevent',
            name='result',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='refunds.resultfile', verbose_name='은행 결과'),
        ),
        migrations.AddField(
            model_name='item',
            name='result',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='items', to='refunds.resultfile', verbose_name='은행 결과'),
        ),
        migrations.AddField(
            model_name='roster',
            name='deputy',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='대리'),
        ),
        migrations.AddField(
            model_name='roster',
            name='holder',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='담당'),
        ),
        migrations.AddField(
            model_name='roster',
            name='named_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='정한 사람'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='adjustmentevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='d3f9a71faa3190958d53f5b1b734094f815ee8d5', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_aaab5', table='refunds_adjustmentevent', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='adjustment',
            constraint=models.CheckConstraint(condition=models.Q(('amount_krw__gt', 0), models.Q(('reason', ''), _negated=True)), name='adjustment_amount'),
        ),
        migrations.AddConstraint(
            model_name='adjustment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('cause', 'OVERPAID'), ('status__in', ['PROPOSED', 'DECLINED', 'CLAIMED', 'RECOVERED'])), models.Q(models.Q(('cause', 'OVERPAID'), _negated=True), ('status__in', ['PROPOSED', 'DECLINED', 'APPROVED'])), _connector='OR'), name='adjustment_way'),
        ),
        migrations.AddConstraint(
            model_name='adjustment',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'PROPOSED')), fields=('application',), name='adjustment_one_proposed'),
        ),
        migrations.AddConstraint(
            model_name='adjustment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_by', None), ('status', 'PROPOSED')), models.Q(models.Q(('status', 'PROPOSED'), _negated=True), ('decided_by__isnull', False), ('decided_person__isnull', False), models.Q(('decided_by', models.F('proposed_by')), _negated=True), models.Q(('decided_person', models.F('proposed_person')), _negated=True)), _connector='OR'), name='adjustment_two_people'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='adjustment',
            trigger=pgtrigger.compiler.Trigger(name='starts', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."status" IS DISTINCT FROM \'PROPOSED\')', func="RAISE EXCEPTION 'pgtrigger: Cannot insert rows from % table', TG_TABLE_NAME;", hash='80128072a3e9bb522ac18d320bdd4690ffd9fd99', operation='INSERT', pgid='pgtrigger_starts_334b3', table='refunds_adjustment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='adjustment',
            trigger=pgtrigger.compiler.Trigger(name='edges', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (OLD.status IS DISTINCT FROM NEW.status AND (OLD.status, NEW.status) NOT IN (('PROPOSED', 'APPROVED'), ('PROPOSED', 'DECLINED'), ('PROPOSED', 'CLAIMED'), ('CLAIMED', 'RECOVERED')))", func="RAISE EXCEPTION 'no way leads from % to % in %', OLD.status, NEW.status, TG_TABLE_NAME;", hash='be507274f4780003030139fb7d1c9ef5f5bccc48', operation='UPDATE', pgid='pgtrigger_edges_45fe6', table='refunds_adjustment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='adjustment',
            trigger=pgtrigger.compiler.Trigger(name='stored', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."application_id" IS DISTINCT FROM (NEW."application_id") OR OLD."cause" IS DISTINCT FROM (NEW."cause") OR OLD."amount_krw" IS DISTINCT FROM (NEW."amount_krw") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."proposed_by_id" IS DISTINCT FROM (NEW."proposed_by_id") OR OLD."proposed_person" IS DISTINCT FROM (NEW."proposed_person") OR OLD."proposed_at" IS DISTINCT FROM (NEW."proposed_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='051df801c0e8b63915bfa4bea4f250f7db3008a3', operation='UPDATE', pgid='pgtrigger_stored_911bb', table='refunds_adjustment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='adjustment',
            trigger=pgtrigger.compiler.Trigger(name='stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='3faea70202e291b272dae1c06ecd8e0b29fc25ad', operation='DELETE', pgid='pgtrigger_stays_cd831', table='refunds_adjustment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='adjustment',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "refunds_adjustmentevent" ("decided_by_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "status") SELECT new_values."decided_by_id", NOW(), \'insert\', new_values."id", new_values."status" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='3dde130e39360896646ebeb810027ff7036f2bdf', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_4a632', referencing='REFERENCING NEW TABLE AS new_values ', table='refunds_adjustment', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='adjustment',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "refunds_adjustmentevent" ("decided_by_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "status") SELECT new_values."decided_by_id", NOW(), \'update\', new_values."id", new_values."status" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values."decided_by_id" IS DISTINCT FROM (new_values."decided_by_id") OR old_values."status" IS DISTINCT FROM (new_values."status")) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='acf1c834a3732499fd6c7f7526554f91f3182ca8', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_574b7', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='refunds_adjustment', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='bankfileevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='3235e18b465de7a11b66830854f24d983816b000', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_03a06', table='refunds_bankfileevent', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='batch',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('count', None), ('digest', ''), ('hash_total', None), ('prepared_by', None), ('prepared_person', None), ('status', 'OPEN'), ('won', None)), models.Q(models.Q(('status', 'OPEN'), _negated=True), ('count__gt', 0), ('digest__regex', '^[0-9a-f]{64}$'), ('hash_total__isnull', False), ('prepared_at__isnull', False), ('prepared_by__isnull', False), ('prepared_person__isnull', False), ('won__gt', 0)), _connector='OR'), name='batch_prepared'),
        ),
        migrations.AddConstraint(
            model_name='batch',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('approved_by', None), ('approved_digest', ''), ('approved_person', None), ('status__in', ['OPEN', 'FROZEN'])), models.Q(models.Q(('status__in', ['OPEN', 'FROZEN']), _negated=True), ('approved_at__isnull', False), ('approved_by__isnull', False), ('approved_digest', models.F('digest')), ('approved_person__isnull', False)), _connector='OR'), name='batch_approved'),
        ),
        migrations.AddConstraint(
            model_name='batch',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by', None), models.Q(models.Q(('approved_by', models.F('prepared_by')), _negated=True), models.Q(('approved_person', models.F('prepared_person')), _negated=True)), _connector='OR'), name='batch_two_people'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='batch',
            trigger=pgtrigger.compiler.Trigger(name='starts', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."status" IS DISTINCT FROM \'OPEN\')', func="RAISE EXCEPTION 'pgtrigger: Cannot insert rows from % table', TG_TABLE_NAME;", hash='dde0dec404ca6a4163c5303ee844e396a29949d9', operation='INSERT', pgid='pgtrigger_starts_031f2', table='refunds_batch', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='batch',
            trigger=pgtrigger.compiler.Trigger(name='edges', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (OLD.status IS DISTINCT FROM NEW.status AND (OLD.status, NEW.status) NOT IN (('OPEN', 'FROZEN'), ('FROZEN', 'APPROVED'), ('FROZEN', 'OPEN'), ('APPROVED', 'OPEN'), ('APPROVED', 'FILED'), ('FILED', 'HANDED_OVER'), ('HANDED_OVER', 'REFUSED'), ('REFUSED', 'FILED'), ('HANDED_OVER', 'SETTLED')))", func="RAISE EXCEPTION 'no way leads from % to % in %', OLD.status, NEW.status, TG_TABLE_NAME;", hash='05592ef131a9f5ac93fca3a7cb85db0898daf4d6', operation='UPDATE', pgid='pgtrigger_edges_6462d', table='refunds_batch', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='batch',
            trigger=pgtrigger.compiler.Trigger(name='figures_stay', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (\'OPEN\' NOT IN (OLD.status, NEW.status) AND (OLD."count", OLD."won", OLD."hash_total", OLD."digest", OLD."programme_snapshot", OLD."prepared_by_id", OLD."prepared_person", OLD."prepared_at") IS DISTINCT FROM (NEW."count", NEW."won", NEW."hash_total", NEW."digest", NEW."programme_snapshot", NEW."prepared_by_id", NEW."prepared_person", NEW."prepared_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='9c1cb36b890c85f0b10ebe1ae415595886df8efb', operation='UPDATE', pgid='pgtrigger_figures_stay_8ea81', table='refunds_batch', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='batch',
            trigger=pgtrigger.compiler.Trigger(name='approval_stays', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.status NOT IN (\'OPEN\', \'FROZEN\') AND NEW.status <> \'OPEN\' AND (OLD."approved_by_id", OLD."approved_person", OLD."approved_at", OLD."approved_digest") IS DISTINCT FROM (NEW."approved_by_id", NEW."approved_person", NEW."approved_at", NEW."approved_digest"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='4c8a095bcfed15db163c389913e5a0ebb58e971b', operation='UPDATE', pgid='pgtrigger_approval_stays_2da53', table='refunds_batch', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='batch',
            trigger=pgtrigger.compiler.Trigger(name='round_stays', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."pay_on" IS DISTINCT FROM (NEW."pay_on"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='471e7988488a26150560d886b8dfb818b982ef35', operation='UPDATE', pgid='pgtrigger_round_stays_82f33', table='refunds_batch', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='batch',
            trigger=pgtrigger.compiler.Trigger(name='stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='8a15d54a175f9044c4cf48cccd496a2a94ee546d', operation='DELETE', pgid='pgtrigger_stays_9212d', table='refunds_batch', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='batch',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "refunds_batchevent" ("approved_by_id", "count", "digest", "hash_total", "pgh_created_at", "pgh_label", "pgh_obj_id", "prepared_by_id", "status", "won") SELECT new_values."approved_by_id", new_values."count", new_values."digest", new_values."hash_total", NOW(), \'insert\', new_values."id", new_values."prepared_by_id", new_values."status", new_values."won" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='587ce2d41fe37a89f66a7b7783d9c2664b5f0968', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_f40e1', referencing='REFERENCING NEW TABLE AS new_values ', table='refunds_batch', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='batch',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "refunds_batchevent" ("approved_by_id", "count", "digest", "hash_total", "pgh_created_at", "pgh_label", "pgh_obj_id", "prepared_by_id", "status", "won") SELECT new_values."approved_by_id", new_values."count", new_values."digest", new_values."hash_total", NOW(), \'update\', new_values."id", new_values."prepared_by_id", new_values."status", new_values."won" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values."approved_by_id" IS DISTINCT FROM (new_values."approved_by_id") OR old_values."count" IS DISTINCT FROM (new_values."count") OR old_values."digest" IS DISTINCT FROM (new_values."digest") OR old_values."hash_total" IS DISTINCT FROM (new_values."hash_total") OR old_values."prepared_by_id" IS DISTINCT FROM (new_values."prepared_by_id") OR old_values."status" IS DISTINCT FROM (new_values."status") OR old_values."won" IS DISTINCT FROM (new_values."won")) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='507d7e5b920c73e5ec2701b9c5935799ee8dc52b', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_1d321', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='refunds_batch', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='bankfile',
            constraint=models.UniqueConstraint(fields=('batch', 'part'), name='bank_file_part'),
        ),
        migrations.AddConstraint(
            model_name='bankfile',
            constraint=models.CheckConstraint(condition=models.Q(('count__gt', 0), ('size__gt', 0), ('won__gt', 0)), name='bank_file_not_empty'),
        ),
        migrations.AddConstraint(
            model_name='bankfile',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('handed_over_by', None), ('status', 'MADE')), models.Q(models.Q(('status', 'MADE'), _negated=True), ('handed_over_at__isnull', False), ('handed_over_by__isnull', False)), _connector='OR'), name='bank_file_handed_over'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='bankfile',
            trigger=pgtrigger.compiler.Trigger(name='starts', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."status" IS DISTINCT FROM \'MADE\')', func="RAISE EXCEPTION 'pgtrigger: Cannot insert rows from % table', TG_TABLE_NAME;", hash='a6dc41dfaa09f6b26d20915dec625cd2979d2c66', operation='INSERT', pgid='pgtrigger_starts_6ff41', table='refunds_bank_file', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='bankfile',
            trigger=pgtrigger.compiler.Trigger(name='edges', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (OLD.status IS DISTINCT FROM NEW.status AND (OLD.status, NEW.status) NOT IN (('MADE', 'HANDED_OVER'), ('HANDED_OVER', 'REFUSED')))", func="RAISE EXCEPTION 'no way leads from % to % in %', OLD.status, NEW.status, TG_TABLE_NAME;", hash='1c15c45aa26e5d1dd58206be1dce32401c029986', operation='UPDATE', pgid='pgtrigger_edges_e20a2', table='refunds_bank_file', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='bankfile',
            trigger=pgtrigger.compiler.Trigger(name='stored', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."batch_id" IS DISTINCT FROM (NEW."batch_id") OR OLD."part" IS DISTINCT FROM (NEW."part") OR OLD."layout" IS DISTINCT FROM (NEW."layout") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."message_id" IS DISTINCT FROM (NEW."message_id") OR OLD."execution_on" IS DISTINCT FROM (NEW."execution_on") OR OLD."count" IS DISTINCT FROM (NEW."count") OR OLD."won" IS DISTINCT FROM (NEW."won") OR OLD."size" IS DISTINCT FROM (NEW."size") OR OLD."sha256" IS DISTINCT FROM (NEW."sha256") OR OLD."made_by_id" IS DISTINCT FROM (NEW."made_by_id") OR OLD."made_at" IS DISTINCT FROM (NEW."made_at") OR OLD."replaces_id" IS DISTINCT FROM (NEW."replaces_id"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='4d90a793e17417e098f94082603074d3104ffd35', operation='UPDATE', pgid='pgtrigger_stored_8e137', table='refunds_bank_file', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='bankfile',
            trigger=pgtrigger.compiler.Trigger(name='stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='f3c9c0bd907a172648c79b1495544baaa56cd19e', operation='DELETE', pgid='pgtrigger_stays_b7766', table='refunds_bank_file', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='bankfile',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "refunds_bankfileevent" ("handed_over_by_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "refused_because", "status") SELECT new_values."handed_over_by_id", NOW(), \'insert\', new_values."id", new_values."refused_because", new_values."status" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='251e9a3e160d4a700735907145e05a3b2d0555a8', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_109e6', referencing='REFERENCING NEW TABLE AS new_values ', table='refunds_bank_file', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='bankfile',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "refunds_bankfileevent" ("handed_over_by_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "refused_because", "status") SELECT new_values."handed_over_by_id", NOW(), \'update\', new_values."id", new_values."refused_because", new_values."status" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values."handed_over_by_id" IS DISTINCT FROM (new_values."handed_over_by_id") OR old_values."refused_because" IS DISTINCT FROM (new_values."refused_because") OR old_values."status" IS DISTINCT FROM (new_values."status")) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='ba72be26f7893e0cbda9fb3ad8140b73157faab7', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_a3a89', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='refunds_bank_file', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='batchevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='2f41511b6f5cd5314e5b55205d07de64ee777a14', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_42e64', table='refunds_batchevent', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='decision',
            index=models.Index(models.F('application'), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('to_status__in', ('REVIEW', 'LATE', 'NEED_DOCS', 'NEED_ACCOUNT')), models.Q(('from_status', models.F('to_status')), _negated=True)), include=('to_status', 'code'), name='decision_standing'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='decision',
            trigger=pgtrigger.compiler.Trigger(name='decision_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='7c7e75b682b5dc9e9207a94b978d744c91eef5b0', operation='UPDATE OR DELETE', pgid='pgtrigger_decision_append_only_26966', table='refunds_decision', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='download',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='download_reason'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='download',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='ff88dc33702caecf745dd18dc192942747e45084', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_564f3', table='refunds_download', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='draft',
            constraint=models.UniqueConstraint(fields=('person_index', 'opened_by'), name='draft_one_per_person', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='excludedapplication',
            constraint=models.UniqueConstraint(fields=('batch', 'application'), name='left_behind_once'),
        ),
        migrations.AddIndex(
            model_name='filing',
            index=models.Index(fields=['person_index'], name='filing_person'),
        ),
        migrations.AddIndex(
            model_name='filing',
            index=models.Index(condition=models.Q(('store__isnull', False)), fields=['store', '-received_at'], name='filing_store'),
        ),
        migrations.AddIndex(
            model_name='application',
            index=models.Index(fields=['status', 'applied_on', 'channel'], include=('amount_seen_krw',), name='application_state'),
        ),
        migrations.AddIndex(
            model_name='application',
            index=models.Index(condition=models.Q(('status__in', ('REVIEW', 'LATE', 'NEED_DOCS', 'NEED_ACCOUNT'))), fields=['id'], include=('status', 'status_since'), name='application_standing'),
        ),
        migrations.AddConstraint(
            model_name='application',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ('SUBMITTED', 'WAITING_FOR_BILL', 'ON_HOLD_UNPAID', 'NEED_ACCOUNT', 'NEED_DOCS', 'REVIEW', 'LATE', 'APPROVED'))), fields=('line',), name='application_one_live_per_line'),
        ),
        migrations.AddConstraint(
            model_name='application',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['SUBMITTED', 'WAITING_FOR_BILL', 'ON_HOLD_UNPAID', 'NEED_ACCOUNT', 'NEED_DOCS', 'REVIEW', 'LATE', 'APPROVED', 'REJECTED', 'WITHDRAWN'])), name='application_status_known'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='application',
            trigger=pgtrigger.compiler.Trigger(name='application_edges', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.status IS DISTINCT FROM NEW.status)', declare='DECLARE _is_valid_transition BOOLEAN;', func='SELECT CONCAT(OLD."status", \':\', NEW."status") = ANY(\'{APPROVED:NEED_ACCOUNT,APPROVED:REVIEW,APPROVED:WITHDRAWN,LATE:APPROVED,LATE:NEED_ACCOUNT,LATE:NEED_DOCS,LATE:ON_HOLD_UNPAID,LATE:REJECTED,LATE:SUBMITTED,LATE:WAITING_FOR_BILL,LATE:WITHDRAWN,NEED_ACCOUNT:APPROVED,NEED_ACCOUNT:LATE,NEED_ACCOUNT:ON_HOLD_UNPAID,NEED_ACCOUNT:REVIEW,NEED_ACCOUNT:SUBMITTED,NEED_ACCOUNT:WAITING_FOR_BILL,NEED_ACCOUNT:WITHDRAWN,NEED_DOCS:APPROVED,NEED_DOCS:LATE,NEED_DOCS:NEED_ACCOUNT,NEED_DOCS:ON_HOLD_UNPAID,NEED_DOCS:REVIEW,NEED_DOCS:SUBMITTED,NEED_DOCS:WAITING_FOR_BILL,NEED_DOCS:WITHDRAWN,ON_HOLD_UNPAID:APPROVED,ON_HOLD_UNPAID:LATE,ON_HOLD_UNPAID:NEED_ACCOUNT,ON_HOLD_UNPAID:REVIEW,ON_HOLD_UNPAID:SUBMITTED,ON_HOLD_UNPAID:WAITING_FOR_BILL,ON_HOLD_UNPAID:WITHDRAWN,REJECTED:REVIEW,REVIEW:APPROVED,REVIEW:NEED_ACCOUNT,REVIEW:NEED_DOCS,REVIEW:ON_HOLD_UNPAID,REVIEW:REJECTED,REVIEW:SUBMITTED,REVIEW:WAITING_FOR_BILL,REVIEW:WITHDRAWN,SUBMITTED:APPROVED,SUBMITTED:LATE,SUBMITTED:NEED_ACCOUNT,SUBMITTED:NEED_DOCS,SUBMITTED:ON_HOLD_UNPAID,SUBMITTED:REVIEW,SUBMITTED:WAITING_FOR_BILL,SUBMITTED:WITHDRAWN,WAITING_FOR_BILL:APPROVED,WAITING_FOR_BILL:LATE,WAITING_FOR_BILL:NEED_ACCOUNT,WAITING_FOR_BILL:ON_HOLD_UNPAID,WAITING_FOR_BILL:REVIEW,WAITING_FOR_BILL:SUBMITTED,WAITING_FOR_BILL:WITHDRAWN}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."status" IS DISTINCT FROM NEW."status") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "status" from "%" to "%" on table %\', OLD."status", NEW."status", TG_TABLE_NAME; ELSE RETURN NEW; END IF;', hash='1d7fd4cc398cddf36a2c9b639e3617ab6ed5c542', operation='UPDATE', pgid='pgtrigger_application_edges_4719d', table='refunds_application', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='application',
            trigger=pgtrigger.compiler.Trigger(name='application_starts_submitted', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."status" IS DISTINCT FROM \'SUBMITTED\')', func="RAISE EXCEPTION 'pgtrigger: Cannot insert rows from % table', TG_TABLE_NAME;", hash='9320d6822fe9deb1e1fd3c687bef3c99466d5d21', operation='INSERT', pgid='pgtrigger_application_starts_submitted_4a428', table='refunds_application', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='application',
            trigger=pgtrigger.compiler.Trigger(name='application_stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='2daebb2353f4b1189d6c1541aa828b8e80b3b393', operation='DELETE', pgid='pgtrigger_application_stays_ae923', table='refunds_application', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='application',
            trigger=pgtrigger.compiler.Trigger(name='application_channel', sql=pgtrigger.compiler.UpsertTriggerSql(func='NEW.channel := (SELECT channel FROM refunds_filing WHERE id = NEW.filing_id); RETURN NEW;', hash='42ac573956c45d9ac1584425ce74da1927cbee3f', operation='INSERT', pgid='pgtrigger_application_channel_46dc0', table='refunds_application', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='application',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."account_id" IS DISTINCT FROM (NEW."account_id") OR OLD."flag" IS DISTINCT FROM (NEW."flag") OR OLD."hold_until" IS DISTINCT FROM (NEW."hold_until") OR OLD."qa_sample" IS DISTINCT FROM (NEW."qa_sample"))', func='INSERT INTO "refunds_applicationevent" ("account_id", "flag", "hold_until", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "qa_sample", "status") VALUES (NEW."account_id", NEW."flag", NEW."hold_until", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."qa_sample", NEW."status"); RETURN NULL;', hash='96d6a50c5e5027f122af6f29cd4ff1aa43c00f5d', operation='UPDATE', pgid='pgtrigger_update_update_338ae', table='refunds_application', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.UniqueConstraint(condition=models.Q(('released_at', None)), fields=('application',), name='hold_one_open'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='hold_reason'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='hold',
            trigger=pgtrigger.compiler.Trigger(name='stored', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."application_id" IS DISTINCT FROM (NEW."application_id") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."placed_by_id" IS DISTINCT FROM (NEW."placed_by_id") OR OLD."placed_at" IS DISTINCT FROM (NEW."placed_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='9b463f4d20e103f99996a0d9ae1c4a44d6974db2', operation='UPDATE', pgid='pgtrigger_stored_20cad', table='refunds_hold', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='hold',
            trigger=pgtrigger.compiler.Trigger(name='stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='c32abaf334c751b2b2b514b7171e15f006da4244', operation='DELETE', pgid='pgtrigger_stays_a7920', table='refunds_hold', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='holdercheck',
            index=models.Index(condition=models.Q(('outcome__in', ['', 'BANK_MAINTENANCE', 'TIMEOUT'])), fields=['next_try_at'], name='holder_check_open'),
        ),
        migrations.AddConstraint(
            model_name='inquiry',
            constraint=models.UniqueConstraint(fields=('file', 'number'), name='inquiry_number'),
        ),
        migrations.AddConstraint(
            model_name='inquiry',
            constraint=models.CheckConstraint(condition=models.Q(('count__gt', 0), ('size__gt', 0), ('won__gt', 0)), name='inquiry_not_empty'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='inquiry',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='b08c0779ec3fc6be9670c1259ed14018d8502d94', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_ad37b', table='refunds_inquiry', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='note',
            index=models.Index(fields=['person_index'], name='note_person'),
        ),
        migrations.AddIndex(
            model_name='objection',
            index=models.Index(fields=['status', 'answer_by'], name='objection_due'),
        ),
        migrations.AddConstraint(
            model_name='objection',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'OPEN')), fields=('line',), name='objection_one_open_per_line'),
        ),
        migrations.AddConstraint(
            model_name='objection',
            constraint=models.CheckConstraint(condition=models.Q(('status', 'OPEN'), models.Q(('answered_at__isnull', False), models.Q(('answer', ''), _negated=True)), _connector='OR'), name='objection_answered'),
        ),
        migrations.AddConstraint(
            model_name='evidence',
            constraint=models.CheckConstraint(condition=models.Q(('filing__isnull', False), ('objection__isnull', False), _connector='XOR'), name='evidence_of_one_thing'),
        ),
        migrations.AddConstraint(
            model_name='evidence',
            constraint=models.UniqueConstraint(fields=('filing', 'objection', 'content_index'), name='evidence_once', nulls_distinct=False),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='evidence',
            trigger=pgtrigger.compiler.Trigger(name='evidence_stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='3dd6b34053dd42ecef7346db5169062f2973149b', operation='DELETE', pgid='pgtrigger_evidence_stays_fccc2', table='refunds_evidence', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='offlinepayment',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['RECORDED', 'CONFIRMED'])), fields=('application',), name='manual_payment_one'),
        ),
        migrations.AddConstraint(
            model_name='offlinepayment',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['RECORDED', 'CONFIRMED'])), fields=('way', 'reference'), name='manual_payment_receipt'),
        ),
        migrations.AddConstraint(
            model_name='offlinepayment',
            constraint=models.CheckConstraint(condition=models.Q(('amount_krw__gt', 0), models.Q(('reference', ''), _negated=True)), name='manual_payment_filled'),
        ),
        migrations.AddConstraint(
            model_name='offlinepayment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_by', None), ('status', 'RECORDED')), models.Q(models.Q(('status', 'RECORDED'), _negated=True), ('decided_at__isnull', False), ('decided_by__isnull', False), ('decided_person__isnull', False), models.Q(('decided_by', models.F('recorded_by')), _negated=True), models.Q(('decided_person', models.F('recorded_person')), _negated=True)), _connector='OR'), name='manual_payment_two_people'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='offlinepayment',
            trigger=pgtrigger.compiler.Trigger(name='starts', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."status" IS DISTINCT FROM \'RECORDED\')', func="RAISE EXCEPTION 'pgtrigger: Cannot insert rows from % table', TG_TABLE_NAME;", hash='43d69b606b1e25d492e1c35b602587c165cb06b3', operation='INSERT', pgid='pgtrigger_starts_4bf91', table='refunds_manual_payment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='offlinepayment',
            trigger=pgtrigger.compiler.Trigger(name='edges', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (OLD.status IS DISTINCT FROM NEW.status AND (OLD.status, NEW.status) NOT IN (('RECORDED', 'CONFIRMED'), ('RECORDED', 'DECLINED')))", func="RAISE EXCEPTION 'no way leads from % to % in %', OLD.status, NEW.status, TG_TABLE_NAME;", hash='87c4e0132eaf02674da2fd7129af151246e062ee', operation='UPDATE', pgid='pgtrigger_edges_c680f', table='refunds_manual_payment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='offlinepayment',
            trigger=pgtrigger.compiler.Trigger(name='stored', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."application_id" IS DISTINCT FROM (NEW."application_id") OR OLD."account_id" IS DISTINCT FROM (NEW."account_id") OR OLD."way" IS DISTINCT FROM (NEW."way") OR OLD."paid_on" IS DISTINCT FROM (NEW."paid_on") OR OLD."reference" IS DISTINCT FROM (NEW."reference") OR OLD."amount_krw" IS DISTINCT FROM (NEW."amount_krw") OR OLD."bills_digest" IS DISTINCT FROM (NEW."bills_digest") OR OLD."refundable_items" IS DISTINCT FROM (NEW."refundable_items") OR OLD."recorded_by_id" IS DISTINCT FROM (NEW."recorded_by_id") OR OLD."recorded_person" IS DISTINCT FROM (NEW."recorded_person") OR OLD."recorded_at" IS DISTINCT FROM (NEW."recorded_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='4bedf1e36503e2052329330adc9dd51110e47171', operation='UPDATE', pgid='pgtrigger_stored_a2bb6', table='refunds_manual_payment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='offlinepayment',
            trigger=pgtrigger.compiler.Trigger(name='not_in_a_round', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                PERFORM FROM refunds_application WHERE id = NEW.application_id FOR UPDATE;\n                IF EXISTS (SELECT FROM refunds_item WHERE application_id = NEW.application_id\n                           AND kind = 'REFUND' AND status IN ('QUEUED', 'FILED', 'UNKNOWN', 'PAID')) THEN\n                    RAISE EXCEPTION 'the refund of application % is in a round', NEW.application_id;\n                END IF;\n                RETURN NEW;\n                ", hash='813aa39991228fbd6eed5588447ddb4ed9ea9c3a', operation='INSERT', pgid='pgtrigger_not_in_a_round_a122b', table='refunds_manual_payment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='offlinepayment',
            trigger=pgtrigger.compiler.Trigger(name='stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='5be55a20736d3884c7ba77b587ae87e713c8ba73', operation='DELETE', pgid='pgtrigger_stays_4d081', table='refunds_manual_payment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='offlinepayment',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "refunds_manualpaymentevent" ("decided_by_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "status") SELECT new_values."decided_by_id", NOW(), \'insert\', new_values."id", new_values."status" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='5b44b15a1025b585e768e26cb09dfd7f9523e852', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_c96d3', referencing='REFERENCING NEW TABLE AS new_values ', table='refunds_manual_payment', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='offlinepayment',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "refunds_manualpaymentevent" ("decided_by_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "status") SELECT new_values."decided_by_id", NOW(), \'update\', new_values."id", new_values."status" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values."decided_by_id" IS DISTINCT FROM (new_values."decided_by_id") OR old_values."status" IS DISTINCT FROM (new_values."status")) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='3ea0adf572e2913e89221760897827bfb0e9fb7e', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_c8345', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='refunds_manual_payment', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='offlinepaymentevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='04950f09a1a6a2a12820c2766ef14000cac00589', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_2dd4f', table='refunds_manualpaymentevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='resultfile',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='55d668c5dded950dfaf121441637e671d1c95c98', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_fec1e', table='refunds_result_file', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='itemevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='f46552969df23a506c4ea6275692194c6f1f2c71', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_76a0c', table='refunds_itemevent', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='item',
            index=models.Index(fields=['batch', 'status'], name='item_batch_state'),
        ),
        migrations.AddIndex(
            model_name='item',
            index=models.Index(condition=models.Q(('status__in', ['UNKNOWN', 'RETURNED'])), fields=['status'], name='item_open'),
        ),
        migrations.AddConstraint(
            model_name='item',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'REFUND'), ('status__in', ['QUEUED', 'FILED', 'UNKNOWN', 'PAID'])), fields=('application',), name='item_one_refund'),
        ),
        migrations.AddConstraint(
            model_name='item',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['QUEUED', 'FILED', 'UNKNOWN', 'PAID'])), fields=('adjustment',), name='item_one_adjustment'),
        ),
        migrations.AddConstraint(
            model_name='item',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'VOID'), _negated=True), fields=('reference',), name='item_reference'),
        ),
        migrations.AddConstraint(
            model_name='item',
            constraint=models.CheckConstraint(condition=models.Q(('amount_krw__gt', 0)), name='item_amount'),
        ),
        migrations.AddConstraint(
            model_name='item',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('adjustment', None), ('kind', 'REFUND')), models.Q(('adjustment__isnull', False), ('kind', 'ADJUSTMENT')), _connector='OR'), name='item_kind'),
        ),
        migrations.AddConstraint(
            model_name='item',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('file', None), ('status__in', ['QUEUED', 'VOID'])), models.Q(models.Q(('status__in', ['QUEUED', 'VOID']), _negated=True), ('file__isnull', False)), _connector='OR'), name='item_in_file'),
        ),
        migrations.AddConstraint(
            model_name='item',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['PAID', 'RETURNED']), _negated=True), ('result__isnull', False), _connector='OR'), name='item_answered'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='item',
            trigger=pgtrigger.compiler.Trigger(name='starts', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."status" IS DISTINCT FROM \'QUEUED\')', func="RAISE EXCEPTION 'pgtrigger: Cannot insert rows from % table', TG_TABLE_NAME;", hash='2235409c4dec46631140bf27312063dca1082411', operation='INSERT', pgid='pgtrigger_starts_73a53', table='refunds_item', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='item',
            trigger=pgtrigger.compiler.Trigger(name='edges', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (OLD.status IS DISTINCT FROM NEW.status AND (OLD.status, NEW.status) NOT IN (('QUEUED', 'VOID'), ('QUEUED', 'FILED'), ('FILED', 'PAID'), ('FILED', 'RETURNED'), ('FILED', 'UNKNOWN'), ('UNKNOWN', 'PAID'), ('UNKNOWN', 'RETURNED'), ('PAID', 'RETURNED')))", func="RAISE EXCEPTION 'no way leads from % to % in %', OLD.status, NEW.status, TG_TABLE_NAME;", hash='42c82caf882bbae036e1f51e610ab35b15890b2c', operation='UPDATE', pgid='pgtrigger_edges_d96c9', table='refunds_item', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='item',
            trigger=pgtrigger.compiler.Trigger(name='frozen', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."batch_id" IS DISTINCT FROM (NEW."batch_id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."application_id" IS DISTINCT FROM (NEW."application_id") OR OLD."adjustment_id" IS DISTINCT FROM (NEW."adjustment_id") OR OLD."account_id" IS DISTINCT FROM (NEW."account_id") OR OLD."contract_no" IS DISTINCT FROM (NEW."contract_no") OR OLD."amount_krw" IS DISTINCT FROM (NEW."amount_krw") OR OLD."attempt" IS DISTINCT FROM (NEW."attempt") OR OLD."reference" IS DISTINCT FROM (NEW."reference") OR OLD."bills_digest" IS DISTINCT FROM (NEW."bills_digest") OR OLD."digest" IS DISTINCT FROM (NEW."digest"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='14b77724cdd4e03ee4766c1c7e9f6e752bebe0df', operation='UPDATE', pgid='pgtrigger_frozen_77799', table='refunds_item', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='item',
            trigger=pgtrigger.compiler.Trigger(name='not_offline', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                IF EXISTS (SELECT FROM refunds_manual_payment m\n                           JOIN new_values i ON i.application_id = m.application_id AND i.kind = 'REFUND'\n                           WHERE m.status IN ('RECORDED', 'CONFIRMED')) THEN\n                    RAISE EXCEPTION 'a refund of this round was sent outside the rounds';\n                END IF;\n                RETURN NULL;\n                ", hash='5334f0e79a23bdadca508025646b4bd20d311f1d', level='STATEMENT', operation='INSERT', pgid='pgtrigger_not_offline_f1b98', referencing='REFERENCING NEW TABLE AS new_values ', table='refunds_item', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='item',
            trigger=pgtrigger.compiler.Trigger(name='stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='c55b78fdb88c8baa507d24ec2bcd646bd5c05481', operation='DELETE', pgid='pgtrigger_stays_2abe8', table='refunds_item', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='item',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "refunds_itemevent" ("amount_krw", "code", "file_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "result_id", "status", "status_at") SELECT new_values."amount_krw", new_values."code", new_values."file_id", NOW(), \'insert\', new_values."id", new_values."result_id", new_values."status", new_values."status_at" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='4632b267ad0ec44e8d4349a2fdfa0a50428dc35d', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_23f25', referencing='REFERENCING NEW TABLE AS new_values ', table='refunds_item', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='item',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "refunds_itemevent" ("amount_krw", "code", "file_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "result_id", "status", "status_at") SELECT new_values."amount_krw", new_values."code", new_values."file_id", NOW(), \'update\', new_values."id", new_values."result_id", new_values."status", new_values."status_at" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values."code" IS DISTINCT FROM (new_values."code") OR old_values."file_id" IS DISTINCT FROM (new_values."file_id") OR old_values."status" IS DISTINCT FROM (new_values."status")) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='21becd2b6ae9f7fcb691b7eb5fef72df94c53512', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_bc3b4', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='refunds_item', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='roster',
            constraint=models.CheckConstraint(condition=models.Q(('holder', models.F('deputy')), _negated=True), name='roster_two_people'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='roster',
            trigger=pgtrigger.compiler.Trigger(name='stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='637711126ec207a3337c9440daba703601d023c4', operation='DELETE', pgid='pgtrigger_stays_df6c4', table='refunds_roster', when='BEFORE')),
        ),
    ]
