"""Empty: the views of the invariants are made after every migration, from `refunds/payouts/sql`."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("refunds", "0005_left_behind")]
    operations: list = []
