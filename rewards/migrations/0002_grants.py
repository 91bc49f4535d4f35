"""The grants' table, partitioned by month: 13 million rows a month, and a month is what reports and clean-up take."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("rewards", "0001_initial")]
    operations = [
        migrations.RunSQL(
            """
            CREATE TABLE rewards_grant (
                month date NOT NULL,
                perk varchar(40) NOT NULL,
                contract_no varchar(20) COLLATE "C" NOT NULL,
                state varchar(10) NOT NULL CHECK (state IN ('GRANTED', 'SUSPENDED', 'TERMINATED')),
                PRIMARY KEY (month, perk, contract_no)
            ) PARTITION BY RANGE (month);
            """,
            "DROP TABLE rewards_grant;",
        )
    ]
