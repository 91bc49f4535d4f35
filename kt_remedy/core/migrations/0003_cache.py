"""The table of the database cache (`CACHES`), as `createcachetable` would make it: `migrate` alone is enough."""

from django.db import migrations

# A table that an earlier `createcachetable` made is kept.
MAKE = """
CREATE TABLE IF NOT EXISTS "cache" (
    "cache_key" varchar(255) NOT NULL PRIMARY KEY,
    "value" text NOT NULL,
    "expires" timestamp with time zone NOT NULL
);
CREATE INDEX IF NOT EXISTS "cache_expires" ON "cache" ("expires");
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0002_told")]

    operations = [migrations.RunSQL(MAKE, 'DROP TABLE "cache"')]
