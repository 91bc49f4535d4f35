import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(verbose_name='언제')),
                ('actor', models.CharField(max_length=40, verbose_name='누가')),
                ('action', models.CharField(max_length=60, verbose_name='무엇을')),
                ('object', models.CharField(max_length=80, verbose_name='대상')),
                ('subject', models.CharField(blank=True, max_length=40, verbose_name='누구의 정보')),
                ('reason', models.TextField(blank=True, verbose_name='이유')),
                ('ip', models.GenericIPAddressField(null=True, verbose_name='접속 주소')),
                ('detail', models.JSONField(default=dict, verbose_name='내용')),
            ],
            options={
                'verbose_name': '접속 기록',
                'verbose_name_plural': '접속 기록',
                'db_table': 'audit_entry',
            },
        ),
        migrations.CreateModel(
            name='AuditSeal',
            fields=[
                ('entry', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='seal', serialize=False, to='audit.auditentry')),
                ('position', models.BigIntegerField(unique=True, verbose_name='사슬 번호')),
                ('digest', models.BinaryField()),
            ],
            options={
                'verbose_name': '접속 기록의 사슬',
                'verbose_name_plural': '접속 기록의 사슬',
                'db_table': 'audit_seal',
            },
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['at'], name='audit_at'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['actor', 'at'], name='audit_actor'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(condition=models.Q(('subject', ''), _negated=True), fields=['subject', 'at'], name='audit_subject'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['object'], name='audit_object'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='auditentry',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='f532da969ac7aeba3984124758517051a5e531ca', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_6cfb3', table='audit_entry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='auditentry',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'the record of acts is never emptied';", hash='e91f8349ca8fb4a2969a4b393140965fc2085d5a', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_f9722', table='audit_entry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='auditseal',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='0acc28d619ad3212a163a1303d8d859c9726a256', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_3a3ab', table='audit_seal', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='auditseal',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'the record of acts is never emptied';", hash='8e50e3f5d6c3b21f714222002bbefd1af2bf59c6', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_9331a', table='audit_seal', when='BEFORE')),
        ),
    ]
