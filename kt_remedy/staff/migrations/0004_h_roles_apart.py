"""The pairs of roles that nobody holds together (D-76), after `0003` has taken them apart."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("staff", "0003_h_rights")]

    operations = [
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('roles__contains', ['maker', 'checker']), _negated=True), name='user_maker_or_checker'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('roles__contains', ['administrator', 'maker']), _negated=True), name='user_administrator_or_maker'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('roles__contains', ['administrator', 'checker']), _negated=True), name='user_administrator_or_checker'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('roles__contains', ['auditor']), _negated=True), ('roles__len', 1), _connector='OR'), name='user_auditor_alone'),
        ),
    ]
