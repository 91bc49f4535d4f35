"""The bank's answers get their states: rename of the model, one file for each answer."""

import django.db.models.deletion
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("refunds", "0007_b_balance")]

    operations = [
        pgtrigger.migrations.RemoveTrigger(model_name="resultfile", name="append_only"),
        migrations.AddField(
            model_name="resultfile",
            name="file",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="answers",
                to="refunds.bankfile",
                verbose_name="은행 파일",
            ),
        ),
        migrations.RunSQL(
            "UPDATE refunds_result_file r SET file_id = f.bankfile_id FROM refunds_result_file_files f"
            " WHERE f.resultfile_id = r.id; SET CONSTRAINTS ALL IMMEDIATE",
            migrations.RunSQL.noop,
        ),
        migrations.RemoveField(model_name="resultfile", name="files"),
        migrations.RenameModel("ResultFile", "BankAnswer"),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField(model_name="bankanswer", old_name="loaded_by", new_name="staged_by"),
                migrations.RenameField(model_name="bankanswer", old_name="loaded_at", new_name="staged_at"),
                migrations.AlterField(
                    model_name="bankanswer",
                    name="staged_by",
                    field=models.ForeignKey(
                        db_column="loaded_by_id",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="올린 사람",
                    ),
                ),
                migrations.AlterField(
                    model_name="bankanswer",
                    name="staged_at",
                    field=models.DateTimeField(db_column="loaded_at", verbose_name="올린 때"),
                ),
            ]
        ),
    ]
