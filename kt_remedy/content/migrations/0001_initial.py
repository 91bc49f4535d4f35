import django.db.models.deletion
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
            name='Entry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('place', models.CharField(choices=[('NOTICE', '첫 화면 알림'), ('FAQ', '자주 묻는 질문'), ('PARTNER', '제휴 브랜드'), ('INSURER', '보험사'), ('PLAN', '요금제 안내')], max_length=8, verbose_name='자리')),
                ('key', models.SlugField(help_text='같은 이름표의 새 글이 앞선 글을 대신합니다.', verbose_name='이름표')),
                ('order', models.SmallIntegerField(default=0, verbose_name='순서')),
                ('title_ko', models.CharField(blank=True, max_length=120, verbose_name='제목(한국어)')),
                ('title_en', models.CharField(blank=True, max_length=120, verbose_name='제목(영어)')),
                ('body_ko', models.TextField(blank=True, max_length=4000, verbose_name='내용(한국어)')),
                ('body_en', models.TextField(blank=True, max_length=4000, verbose_name='내용(영어)')),
                ('shown_from', models.DateField(verbose_name='언제부터')),
                ('written_at', models.DateTimeField(editable=False, verbose_name='쓴 때')),
                ('written_by', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL, verbose_name='쓴 사람')),
            ],
            options={
                'verbose_name': '안내 글',
                'verbose_name_plural': '안내 글',
                'db_table': 'content_entry',
                'constraints': [models.UniqueConstraint(fields=('place', 'key', 'shown_from'), name='content_one_a_day')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='entry',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='ec187eb88f30f07e4487bf13a23b237d01c3583e', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_9d371', table='content_entry', when='BEFORE')),
        ),
    ]
