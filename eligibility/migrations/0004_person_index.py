from django.db import migrations, models

import kt_remedy.core.crypto


class Migration(migrations.Migration):
    dependencies = [("eligibility", "0003_verdict_change_is_a_record")]

    operations = [
        migrations.RemoveIndex(model_name="customer", name="customer_ci"),
        migrations.RenameField("customer", "ci_index", "person_index"),
        migrations.RenameField("customerhistory", "ci_index", "person_index"),
        migrations.AlterField("customer", "person_index", kt_remedy.core.crypto.BlindIndexField()),
        migrations.AlterField("customerhistory", "person_index", kt_remedy.core.crypto.BlindIndexField()),
        migrations.AddIndex(
            model_name="customer", index=models.Index(fields=["person_index"], name="customer_person")
        ),
    ]
