"""The portal's own templates without the indentation of their source, which is a fifth of a page of lines.

A page that shows personal data is not compressed, so each blank would travel to the telephone.
"""

import re

from django.template import Origin
from django.template.loaders import filesystem

_INDENTATION = re.compile(r"\s*\n\s*")


class Loader(filesystem.Loader):
    """Django's loader of the folders in `DIRS`; a line break stays where there was one, blanks around it go."""

    def get_contents(self, origin: Origin) -> str:
        """The source of a template as it is compiled."""
        return _INDENTATION.sub("\n", super().get_contents(origin))
