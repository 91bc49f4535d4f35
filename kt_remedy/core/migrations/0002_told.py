"""What a run told is kept as sentences of the catalogue with their numbers, not as words of one language."""

from django.db import migrations, models

KEEP = "UPDATE {0} SET told = jsonb_build_array(jsonb_build_array(result, '{{}}'::jsonb)) WHERE result <> ''"
BACK = "UPDATE {0} SET result = told -> 0 ->> 0 WHERE told <> '[]'::jsonb"


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        migrations.AddField("act", "told", models.JSONField(blank=True, default=list, verbose_name="결과")),
        migrations.AddField("job", "told", models.JSONField(blank=True, default=list, verbose_name="결과")),
        migrations.RunSQL(KEEP.format("act"), BACK.format("act")),
        migrations.RunSQL(KEEP.format("job"), BACK.format("job")),
        migrations.RemoveField("act", "result"),
        migrations.RemoveField("job", "result"),
    ]
