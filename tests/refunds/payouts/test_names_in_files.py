"""The holder's name in a bank file: as the bank spells it, else as entered without what nobody sees."""

import pytest

from refunds import bankfiles
from refunds.payouts import files
from tests.refunds.payouts import money

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cut_off")]


@pytest.mark.parametrize("layout", ["pain001", "sheet"])
def test_one_file_holds_names_as_people_have_them(settings, layout) -> None:
    settings.BANK_FILE_FORMAT = layout
    names = {
        "홍길\n동": ("", "홍길동"),
        "\u1112\u1169\u11bc\u1100\u1175\u11af\u1103\u1169\u11bc": ("", "홍길동"),
        "김\u30fb철수": ("", "김·철수"),
        "이\u200b영희": ("", "이영희"),
        "NGUYỄN THỊ HỒNG NHUNG": ("NGUYEN THI HONG NHUN", "NGUYEN THI HONG NHUN"),
        "주식회사 한국정보통신시스템개발": ("(주)한국정보통신시스", "(주)한국정보통신시스"),
    }
    wanted = {}
    for entered, (spelling, written) in names.items():
        account = money.due(name=entered).account
        if spelling:
            money.spell(account, spelling)
        wanted[account.number] = written
    _batch, (made,) = money.filed(0)
    content = b"".join(files.stored_bytes(made.message_id))
    assert {paid.number: paid.holder for _line, paid in bankfiles.layout(layout).read(content)} == wanted
    assert files.compare(file_id=made.pk, content=content, user=money.checker()).same
