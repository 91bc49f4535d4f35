"""Every route of the portal, walked from the URLconf."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import ResolverMatch

from kt_remedy.core.access import Policy, policy_of


class Route(NamedTuple):
    """One route: full name, names of its arguments, declared policy (None where there is none), view."""

    name: str
    pattern: str
    arguments: tuple[str, ...]
    policy: Policy | None
    callback: Callable


def routes() -> list[Route]:
    """All of them, in URLconf order."""
    return list(_walk(get_resolver().url_patterns, (), "", ()))


def _walk(patterns: list, namespaces: tuple, prefix: str, arguments: tuple) -> Iterator[Route]:
    for pattern in patterns:
        names = (*arguments, *pattern.pattern.regex.groupindex)
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = (*namespaces, pattern.namespace) if pattern.namespace else namespaces
            yield from _walk(pattern.url_patterns, inner, path, names)
        elif isinstance(pattern, URLPattern):
            match = ResolverMatch(pattern.callback, (), {}, pattern.name, [], list(namespaces))
            name = ":".join((*namespaces, pattern.name or ""))
            yield Route(name, path, names, policy_of(match), pattern.callback)
