from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("core", "0003_cache")]

    operations = [
        migrations.RenameModel("Act", "DatedTask"),
        migrations.RenameModel("Job", "PeriodicTask"),
        migrations.RenameField("DatedTask", "told", "result_messages"),
        migrations.RenameField("PeriodicTask", "told", "result_messages"),
    ]
