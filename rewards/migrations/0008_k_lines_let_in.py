"""A line that the base left out by a fact that billing corrected may be let in by two people; others lapse (D-111)."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('rewards', '0007_f_grant_corrections'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='baseaddition',
            name='edges',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='baseline',
            name='frozen',
        ),
        migrations.RemoveConstraint(
            model_name='baseaddition',
            name='addition_two_people',
        ),
        migrations.AddField(
            model_name='baseaddition',
            name='was',
            field=models.CharField(blank=True, choices=[('IN_SERVICE', '기준일이 끝날 때 이용 중'), ('TERMINATED', '기준일이나 그 전에 해지'), ('OPENED_LATER', '기준일 뒤에 개통'), ('NETWORK', '다른 사업자의 회선')], default='', max_length=12, verbose_name='처음 센 이유'),
        ),
        migrations.AlterField(
            model_name='baseaddition',
            name='state',
            field=models.CharField(choices=[('FOUND', '찾음'), ('PROPOSED', '확인 기다림'), ('ADDED', '더함'), ('DECLINED', '더하지 않음'), ('LAPSED', '해당 없게 됨')], default='FOUND', max_length=8, verbose_name='상태'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='baseaddition',
            trigger=pgtrigger.compiler.Trigger(name='edges', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE _is_valid_transition BOOLEAN;', func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{FOUND:PROPOSED,PROPOSED:ADDED,PROPOSED:DECLINED,DECLINED:PROPOSED,FOUND:LAPSED,PROPOSED:LAPSED,LAPSED:FOUND}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;', hash='e4cbdbbd790411d50b4e8110adc9144cb9ad09c2', operation='UPDATE', pgid='pgtrigger_edges_77d65', table='rewards_baseaddition', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='baseline',
            trigger=pgtrigger.compiler.Trigger(name='kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='c958677743c42061b6ddb1235210cbac619988b9', operation='DELETE', pgid='pgtrigger_kept_46d6b', table='rewards_baseline', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='baseline',
            trigger=pgtrigger.compiler.Trigger(name='frozen', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                IF OLD.why <> 'IN_SERVICE' AND NEW.why = 'IN_SERVICE' AND NEW.added_on IS NOT NULL\n                   AND (NEW.contract_no, NEW.customer_no, NEW.person_index)\n                       IS NOT DISTINCT FROM (OLD.contract_no, OLD.customer_no, OLD.person_index)\n                   AND EXISTS (SELECT FROM rewards_baseaddition a\n                               WHERE a.contract_no = NEW.contract_no AND a.state = 'ADDED') THEN\n                    RETURN NEW;\n                END IF;\n                RAISE EXCEPTION 'a line of the base is frozen';\n                ", hash='ffac159ff06c1fcc7345865959a31e4784edc420', operation='UPDATE', pgid='pgtrigger_frozen_12537', table='rewards_baseline', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='baseaddition',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_by', None), ('proposed_by', None), ('state__in', ['FOUND', 'LAPSED'])), models.Q(('proposed_by__isnull', False), ('proposed_person__isnull', False), models.Q(('reason', ''), _negated=True), models.Q(models.Q(('decided_by', None), ('state', 'PROPOSED')), models.Q(('decided_by__isnull', False), ('decided_person__isnull', False), ('state__in', ['ADDED', 'DECLINED']), models.Q(('decided_by', models.F('proposed_by')), _negated=True), models.Q(('decided_person', models.F('proposed_person')), _negated=True)), _connector='OR')), _connector='OR'), name='addition_two_people'),
        ),
    ]
