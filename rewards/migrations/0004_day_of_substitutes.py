"""What is taken instead of a choice starts on its day, by which the provider's list finds it (D-53)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("rewards", "0003_deliveries")]
    operations = [
        migrations.RunSQL(
            """
            UPDATE rewards_entitlement SET starts_on = (made_at AT TIME ZONE 'Asia/Seoul')::date
            WHERE kind = 'SUBSTITUTE' AND starts_on IS NULL;
            """,
            migrations.RunSQL.noop,
        )
    ]
