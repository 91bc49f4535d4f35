"""Children of an ISO 20022 element by their path, in the namespace of the element."""

from functools import lru_cache

from lxml import etree


def child_at(element: etree._Element, path: str) -> etree._Element | None:
    """The element at a path "A/B/C" below, or None."""
    return element.find(_in_namespace(element.tag[1:].rpartition("}")[0], path))


def text_at(element: etree._Element, path: str) -> str:
    """The text at a path below, without blanks around it; "" if there is none."""
    child = child_at(element, path)
    return "" if child is None else (child.text or "").strip()


def whole_won(text: str | None) -> str | None:
    """The digits of an ISO amount without its fraction, which a won does not have; None for a fraction above zero."""
    whole, _point, fraction = (text or "").strip().partition(".")
    return None if fraction.strip("0") else whole


@lru_cache(maxsize=256)
def _in_namespace(space: str, path: str) -> str:
    return "/".join(f"{{{space}}}{name}" for name in path.split("/"))
