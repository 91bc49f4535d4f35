from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='CodeCount',
            fields=[
                ('slot', models.DateTimeField(primary_key=True, serialize=False)),
                ('right', models.IntegerField(db_default=0)),
                ('wrong', models.IntegerField(db_default=0)),
            ],
            options={
                'db_table': 'identity_code_count',
            },
        ),
    ]
