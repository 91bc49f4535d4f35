"""Wrong passwords are counted in `limit_counter` now; the tables of django-axes held them, with addresses and names."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("staff", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "DROP TABLE IF EXISTS axes_accessattemptexpiration, axes_accessattempt, axes_accesslog,"
            " axes_accessfailurelog;"
            "DELETE FROM django_migrations WHERE app = 'axes'",
            migrations.RunSQL.noop,
        ),
    ]
