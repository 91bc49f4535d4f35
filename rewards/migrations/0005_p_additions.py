"""Lines told late and their addition to the base (D-77); counts of the base by perk, filled where it is recorded."""

import django.db.models.deletion
import eligibility.models
import kt_remedy.core.crypto
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


COUNT = """
INSERT INTO rewards_perkcount (perk, lines, persons)
SELECT perk, count(*), count(DISTINCT person_index) FROM rewards_baseline, unnest(perks) AS perk GROUP BY perk
"""


class Migration(migrations.Migration):

    dependencies = [
        ('rewards', '0004_p_codes_queue'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='PerkCount',
            fields=[
                ('perk', models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name='혜택')),
                ('lines', models.BigIntegerField(verbose_name='회선')),
                ('persons', models.BigIntegerField(verbose_name='사람')),
            ],
            options={
                'verbose_name': '혜택 대상 수',
                'verbose_name_plural': '혜택 대상 수',
            },
        ),
        migrations.AddField(
            model_name='baseline',
            name='added_on',
            field=models.DateField(null=True, verbose_name='더한 날'),
        ),
        migrations.CreateModel(
            name='BaseAddition',
            fields=[
                ('contract_no', eligibility.models.KeyField(max_length=20, primary_key=True, serialize=False, verbose_name='계약번호')),
                ('state', models.CharField(choices=[('FOUND', '찾음'), ('PROPOSED', '확인 기다림'), ('ADDED', '더함'), ('DECLINED', '더하지 않음')], default='FOUND', max_length=8, verbose_name='상태')),
                ('found_at', models.DateTimeField(verbose_name='찾은 때')),
                ('reason', models.TextField(blank=True, default='', verbose_name='이유')),
                ('proposed_person', kt_remedy.core.crypto.BlindIndexField(null=True)),
                ('proposed_at', models.DateTimeField(null=True, verbose_name='올린 때')),
                ('decided_person', kt_remedy.core.crypto.BlindIndexField(null=True)),
                ('decided_at', models.DateTimeField(null=True, verbose_name='정한 때')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='정한 사람')),
                ('proposed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='올린 사람')),
            ],
            options={
                'verbose_name': '늦게 전해진 회선',
                'verbose_name_plural': '늦게 전해진 회선',
                'indexes': [models.Index(condition=models.Q(('state__in', ['FOUND', 'PROPOSED'])), fields=['found_at'], name='addition_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('decided_by', None), ('proposed_by', None), ('state', 'FOUND')), models.Q(('proposed_by__isnull', False), ('proposed_person__isnull', False), models.Q(('reason', ''), _negated=True), models.Q(models.Q(('decided_by', None), ('state', 'PROPOSED')), models.Q(('decided_by__isnull', False), ('decided_person__isnull', False), ('state__in', ['ADDED', 'DECLINED']), models.Q(('decided_by', models.F('proposed_by')), _negated=True), models.Q(('decided_person', models.F('proposed_person')), _negated=True)), _connector='OR')), _connector='OR'), name='addition_two_people')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='baseaddition',
            trigger=pgtrigger.compiler.Trigger(name='kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='24757bcdfb67ec681a5499cae71232c0e4db749b', operation='DELETE', pgid='pgtrigger_kept_0f228', table='rewards_baseaddition', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='baseaddition',
            trigger=pgtrigger.compiler.Trigger(name='edges', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE _is_valid_transition BOOLEAN;', func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{FOUND:PROPOSED,PROPOSED:ADDED,PROPOSED:DECLINED,DECLINED:PROPOSED}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;', hash='c4bbb98e42bf89e62203f00382d808a17b37c5c1', operation='UPDATE', pgid='pgtrigger_edges_77d65', table='rewards_baseaddition', when='BEFORE')),
        ),
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
    ]
