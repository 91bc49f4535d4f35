"""Reasons are encrypted, and the two large tables are partitioned by month; each row begins in the part of the rest."""

import django.db.models.deletion
import kt_remedy.core.crypto
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

PARTS = """
SET LOCAL statement_timeout = '30min';
ALTER TABLE {table} RENAME TO {table}_before;
CREATE TABLE {table} (LIKE {table}_before INCLUDING DEFAULTS INCLUDING IDENTITY) PARTITION BY RANGE (at);
CREATE TABLE {table}_rest PARTITION OF {table} DEFAULT;
INSERT INTO {table} SELECT * FROM {table}_before;
SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table} HAVING max(id) IS NOT NULL;
DROP TABLE {table}_before;
ALTER TABLE {table} ADD PRIMARY KEY (id, at);
"""
INDEXES = """
CREATE INDEX audit_at ON audit_entry (at);
CREATE INDEX audit_actor ON audit_entry (actor, at);
CREATE INDEX audit_entry_subject ON audit_entry (subject, at) WHERE subject <> '';
CREATE INDEX audit_object ON audit_entry (object);
CREATE INDEX audit_action ON audit_entry (action, at);
CREATE INDEX audit_subject_customer ON audit_subject (customer, at DESC);
ALTER TABLE audit_subject ADD CONSTRAINT audit_subject_once UNIQUE (entry_id, customer, at);
"""
# A trigger on a whole statement is not passed on to the parts.
REST = """
CREATE TRIGGER pgtrigger_no_truncate_f9722 BEFORE TRUNCATE ON audit_entry_rest
    FOR EACH STATEMENT EXECUTE FUNCTION pgtrigger_no_truncate_f9722();
CREATE TRIGGER pgtrigger_no_truncate_24802 BEFORE TRUNCATE ON audit_subject_rest
    FOR EACH STATEMENT EXECUTE FUNCTION pgtrigger_no_truncate_24802();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0002_b_looks'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='auditsubject',
            name='audit_subject_once',
        ),
        migrations.AlterField(
            model_name='auditentry',
            name='reason',
            field=kt_remedy.core.crypto.EncryptedTextField(blank=True, verbose_name='이유'),
        ),
        migrations.AlterField(
            model_name='auditseal',
            name='entry',
            field=models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='seal', serialize=False, to='audit.auditentry'),
        ),
        migrations.AlterField(
            model_name='auditsubject',
            name='entry',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='customers', to='audit.auditentry'),
        ),
        migrations.AlterField(
            model_name='lookmark',
            name='entry',
            field=models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='mark', serialize=False, to='audit.auditentry'),
        ),
        migrations.AlterField(
            model_name='lookquestion',
            name='entry',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='questions', to='audit.auditentry'),
        ),
        migrations.AddConstraint(
            model_name='auditsubject',
            constraint=models.UniqueConstraint(fields=('entry', 'customer', 'at'), name='audit_subject_once'),
        ),
        migrations.RunPython(
            kt_remedy.core.crypto.encrypt_stored_text("audit_entry", "id", "reason"), migrations.RunPython.noop
        ),
        pgtrigger.migrations.RemoveTrigger(model_name='auditentry', name='append_only'),
        pgtrigger.migrations.RemoveTrigger(model_name='auditentry', name='no_truncate'),
        pgtrigger.migrations.RemoveTrigger(model_name='auditsubject', name='append_only'),
        pgtrigger.migrations.RemoveTrigger(model_name='auditsubject', name='no_truncate'),
        migrations.RunSQL([PARTS.format(table="audit_entry"), PARTS.format(table="audit_subject"), INDEXES]),
        pgtrigger.migrations.AddTrigger(
            model_name='auditentry',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='f532da969ac7aeba3984124758517051a5e531ca', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_6cfb3', table='audit_entry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='auditentry',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'the record of acts is never emptied';", hash='e91f8349ca8fb4a2969a4b393140965fc2085d5a', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_f9722', table='audit_entry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='auditsubject',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='73e0c40fcda429463b25c1a7360f8d532c8e4874', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_40f93', table='audit_subject', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='auditsubject',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'the record of acts is never emptied';", hash='b986885ab934fd9493531ba375f0afab108bebdb', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_24802', table='audit_subject', when='BEFORE')),
        ),
        migrations.RunSQL(REST),
    ]
