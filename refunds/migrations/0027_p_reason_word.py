"""The word for a reason in the names of fields; no column changes."""

import kt_remedy.core.crypto
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("refunds", "0026_g_reference"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="latereason",
            options={"verbose_name": "늦은 이유", "verbose_name_plural": "늦은 이유"},
        ),
        migrations.AlterField(
            model_name="adjustment",
            name="cause",
            field=models.CharField(
                choices=[
                    ("UNDERPAID", "덜 드림"),
                    ("CORRECTED_BILL", "청구서가 정정됨"),
                    ("OVERPAID", "더 드림(돌려받기)"),
                    ("OBJECTION", "금액에 대한 이의를 받아들임"),
                ],
                default="UNDERPAID",
                max_length=14,
                verbose_name="종류",
            ),
        ),
        migrations.AlterField(
            model_name="closedday",
            name="note",
            field=kt_remedy.core.crypto.EncryptedTextField(blank=True, default="", verbose_name="차이를 둔 이유"),
        ),
        migrations.AlterField(
            model_name="latereason",
            name="kind",
            field=models.CharField(
                choices=[
                    ("MILITARY", "군 복무"),
                    ("OVERSEAS", "해외 체류"),
                    ("HOSPITAL", "입원"),
                    ("PRISON", "수감"),
                    ("ISLAND", "섬·산간 등 먼 곳"),
                    ("OTHER", "그 밖의 이유"),
                ],
                max_length=8,
                verbose_name="이유",
            ),
        ),
        migrations.AlterField(
            model_name="note",
            name="escalated_for",
            field=models.CharField(
                blank=True,
                choices=[
                    ("AMOUNT", "금액을 계속 다르다고 하심"),
                    ("PROOF", "앱으로 본인 확인이 안 됨"),
                    ("LATE", "늦은 신청, 사정이 있음"),
                    ("OTHER", "그 밖의 이유"),
                ],
                default="",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="promiserecord",
            name="cause",
            field=models.CharField(max_length=40, verbose_name="바뀐 이유"),
        ),
        migrations.AlterField(
            model_name="suspense",
            name="outcome",
            field=models.CharField(
                blank=True,
                choices=[
                    ("RETURN", "되돌아온 지급 건의 돈입니다"),
                    ("BANK_ERROR", "은행의 잘못이며 은행이 바로잡았습니다"),
                    ("FINANCE", "환급과 관계없어 재무에 넘겼습니다"),
                    ("EXPLAINED", "은행에 물어 이유를 알았습니다"),
                ],
                default="",
                max_length=10,
                verbose_name="어떻게",
            ),
        ),
        migrations.AlterField(
            model_name="suspenseevent",
            name="outcome",
            field=models.CharField(
                blank=True,
                choices=[
                    ("RETURN", "되돌아온 지급 건의 돈입니다"),
                    ("BANK_ERROR", "은행의 잘못이며 은행이 바로잡았습니다"),
                    ("FINANCE", "환급과 관계없어 재무에 넘겼습니다"),
                    ("EXPLAINED", "은행에 물어 이유를 알았습니다"),
                ],
                default="",
                max_length=10,
                verbose_name="어떻게",
            ),
        ),
    ]
