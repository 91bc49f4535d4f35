"""References have the carrier's prefix, of up to five letters, before their nine signs."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("refunds", "0025_e_consents")]

    operations = [
        migrations.AlterField(
            model_name="filing",
            name="reference",
            field=models.CharField(db_collation="C", max_length=16, unique=True, verbose_name="접수번호"),
        )
    ]
