from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("eligibility", "0002_opening_wish")]
    operations = [
        migrations.RemoveIndex(model_name="verdictchange", name="verdict_change_open"),
        migrations.RemoveField(model_name="verdictchange", name="handled_at"),
    ]
