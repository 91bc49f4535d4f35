"""The source of a template as it is compiled."""

from django.template.loader import get_template


def test_no_line_of_a_page_begins_or_ends_with_a_blank() -> None:
    source = get_template("portal/lines.html").template.source
    assert len(source.splitlines()) > 50
    assert [line for line in source.splitlines() if line != line.strip()] == []
