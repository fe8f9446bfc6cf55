"""The class of resource that rights and presence speak of: a number by the rule that selects its profile.

The rules are data, `profiles/rule.json`; a number, once given, is never used for something else.
"""

from urllib.parse import parse_qsl

import msgspec

from server.definition.folder import profiles
from server.search.hash import Hasher
from server.search.query import parse
from server.search.registry import Registry
from server.search.types import Context, Index
from server.search.types.token import Value


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Resources of `type` that match `search` are of `profile`, and of class `kind`."""

    type: str
    search: str
    profile: str
    kind: int


class Kinds:
    """The rules, as hashes of which a resource of the class carries one."""

    def __init__(self, registry: Registry, hasher: Hasher, base_url: str) -> None:
        rules = msgspec.json.decode((profiles() / "rule.json").read_bytes(), type=list[Rule])
        self._by_type: dict[str, list[tuple[frozenset[int] | None, int]]] = {}
        for rule in rules:
            hashes = _hashes(rule, registry, Context(rule.type, hasher, base_url))
            self._by_type.setdefault(rule.type, []).append((hashes, rule.kind))

    def kind(self, type_: str, index: Index) -> int:
        """The class of a resource; 0: none of the domain's."""
        for hashes, number in self._by_type.get(type_, ()):
            if hashes is None or not hashes.isdisjoint(index.tokens):
                return number
        return 0


def _hashes(rule: Rule, registry: Registry, context: Context) -> frozenset[int] | None:
    """The hashes of the one token that the rule asks for; None: every resource of the type."""
    query = parse(rule.type, parse_qsl(rule.search), registry, strict=True)
    if not query.conditions:
        return None
    [condition] = query.conditions
    return frozenset(context.token(condition, Value.parse(text).form) for text in condition.values)
