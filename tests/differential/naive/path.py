"""The expressions of search parameters, read as they stand and walked over a resource element by element.

http://hl7.org/fhirpath/N1/ as far as https://hl7.org/fhir/R4/searchparameter-registry.html uses it
"""

import re
from functools import cache
from typing import Any, NamedTuple

from server.definition.library import library

_TOKEN = re.compile(r"\s*('[^']*'|%?[A-Za-z_]\w*|\d+|!=|[()\[\].|=,])")
_ABSTRACT = ("Resource", "DomainResource")
_QUANTITIES = ("Age", "Count", "Distance", "Duration")


class Node(NamedTuple):
    """An element with its FHIR type; the type of one that is defined in place is its path."""

    value: Any
    type: str


def find(expression: str, resource: Any, start: Node | None = None) -> list[Node]:
    """Everything that the expression names; `start`: an element of the resource to begin at."""
    root = Node(resource, resource["resourceType"])
    found: list[Node] = []
    for each in _evaluate(_parsed(expression), [start or root], root):
        # A union is a set, of elements though not of what primitives say.
        if not isinstance(each.value, dict) or not any(each.value is other.value for other in found):
            found.append(each)
    return found


def first_steps(expression: str, type_: str) -> frozenset[str] | None:
    """The JSON properties of a resource that an expression begins with; None: it answers with a truth."""
    found: set[str] = set()
    for part in _parts(_parsed(expression)):
        while part[0] in ("as", "where", "nth"):
            part = part[1]
        if part[0] not in ("child", "extension"):
            return None
        before = part
        while before[1][0] in ("child", "extension", "where", "as", "nth"):
            before = before[1]
        if before[1] not in (("root", type_), ("root", "Resource"), ("root", "DomainResource")):
            continue
        name = "extension" if before[0] == "extension" else before[2]
        found.update(f"{key}.{part[2]}" if name == "meta" else key for key, _, _ in properties(type_, name))
    return frozenset(found)


# ---- definitions -------------------------------------------------------------------------------------------


@cache
def properties(type_: str, name: str) -> list[tuple[str, str, bool]]:
    """How JSON carries an element of a type: (property, type, whether it is another resource)."""
    elements = _elements(type_.partition(".")[0])
    path = f"{type_}.{name}"
    plain, choice = elements.get(path), elements.get(f"{path}[x]")
    if plain:
        if "contentReference" in plain:
            return [(name, plain["contentReference"].removeprefix("#"), False)]
        code = _code(plain["type"][0])
        if code in ("BackboneElement", "Element"):
            code = path
        return [(name, code, code == "Resource")]
    codes = [_code(each) for each in choice["type"]] if choice else []
    return [(name + code[0].upper() + code[1:], code, False) for code in codes]


def elements_of(type_: str) -> list[str]:
    """The names of the elements right inside of a type."""
    paths = _elements(type_.partition(".")[0])
    inside = (path.removeprefix(f"{type_}.") for path in paths if path.startswith(f"{type_}."))
    return [name.removesuffix("[x]") for name in inside if "." not in name]


@cache
def _elements(type_: str) -> dict[str, Any]:
    definition = library().definition(type_) or {}
    return {each["path"]: each for each in definition.get("snapshot", {}).get("element", ())}


def _code(type_: Any) -> str:
    code: str = type_["code"]
    return "string" if code.startswith("http://hl7.org/fhirpath/") else code


def children(node: Node, name: str) -> list[Node]:
    """The elements of this name right inside."""
    if not isinstance(node.value, dict):
        return []
    found = []
    for key, type_, resource in properties(node.type, name):
        value = node.value.get(key)
        values = value if isinstance(value, list) else [value]
        found += [
            Node(each, each["resourceType"] if resource else type_) for each in values if each is not None
        ]
    return found


# ---- evaluation --------------------------------------------------------------------------------------------


def _evaluate(tree: Any, context: list[Node], root: Node) -> list[Node]:  # noqa: C901  (one case a step)
    match tree:
        case ("union", parts):
            return [node for part in parts for node in _evaluate(part, context, root)]
        case ("root", name):
            return [root] if name in (root.type, *_ABSTRACT, "%resource") else []
        case ("literal", value):
            return [Node(value, "")]
        case ("here",):
            return context
        case ("child", source, name):
            return [node for one in _evaluate(source, context, root) for node in children(one, name)]
        case ("extension", source, url):
            every = [each for one in _evaluate(source, context, root) for each in children(one, "extension")]
            return [each for each in every if each.value["url"] == url]
        case ("as", source, type_):
            return [node for node in _evaluate(source, context, root) if _is(node, type_)]
        case ("nth", source, at):
            return _evaluate(source, context, root)[at : at + 1]
        case ("where", source, criterion):
            every = _evaluate(source, context, root)
            return [node for node in every if _true(_evaluate(criterion, [node], root))]
        case ("refers", source, type_):
            texts = [str(node.value.get("reference")) for node in _evaluate(source, context, root)]
            return _truth(any(re.search(rf"(^|/){type_}/[^/]+(/_history/[^/]+)?$", each) for each in texts))
        case ("exists", source):
            return _truth(bool(_evaluate(source, context, root)))
        case ("and", one, other):
            return _truth(_true(_evaluate(one, context, root)) and _true(_evaluate(other, context, root)))
        case ("equal", negated, one, other):
            left, right = ([node.value for node in _evaluate(side, context, root)] for side in (one, other))
            return _truth((left == right) != negated) if left and right else []
    raise AssertionError(tree)


def _truth(value: bool) -> list[Node]:
    return [Node(value, "boolean")]


def _true(nodes: list[Node]) -> bool:
    return bool(nodes) and nodes[0].value is not False


def _is(node: Node, type_: str) -> bool:
    # R4 writes `DateTime` where it means the primitive.
    same = node.type == (type_ if type_ != "DateTime" else "dateTime")
    return same or (type_ == "Quantity" and node.type in _QUANTITIES)


# ---- grammar -----------------------------------------------------------------------------------------------


@cache
def _parsed(expression: str) -> Any:
    tokens = _TOKEN.findall(expression)
    assert "".join(tokens) == re.sub(r"\s+(?=([^']*'[^']*')*[^']*$)", "", expression), expression
    tree = _union(tokens)
    assert not tokens, expression
    return tree


def _parts(tree: Any) -> list[Any]:
    if tree[0] == "union":
        return [part for each in tree[1] for part in _parts(each)]
    return [tree]


def _union(tokens: list[str]) -> Any:
    parts = [_conjunction(tokens)]
    while tokens[:1] == ["|"]:
        tokens.pop(0)
        parts.append(_conjunction(tokens))
    return ("union", parts) if len(parts) > 1 else parts[0]


def _conjunction(tokens: list[str]) -> Any:
    found = _comparison(tokens)
    while tokens[:1] == ["and"]:
        tokens.pop(0)
        found = ("and", found, _comparison(tokens))
    return found


def _comparison(tokens: list[str]) -> Any:
    found = _path(tokens)
    match tokens[:1]:
        case ["as"]:
            tokens.pop(0)
            return ("as", found, tokens.pop(0))
        case ["is"]:
            tokens.pop(0)
            return ("refers", found[1], tokens.pop(0))
        case ["=" | "!=" as operator]:
            tokens.pop(0)
            return ("equal", operator == "!=", found, _path(tokens))
    return found


def _path(tokens: list[str]) -> Any:
    token = tokens.pop(0)
    if token == "(":
        found = _union(tokens)
        tokens.pop(0)
    elif token.startswith("'"):
        found = ("literal", token[1:-1])
    elif token in ("true", "false"):
        found = ("literal", token == "true")
    elif token[0].isupper() or token == "%resource":
        found = ("root", token)
    else:
        found = _step(("here",), token, tokens)
    while tokens[:1] in (["."], ["["]):
        if tokens.pop(0) == "[":
            found = ("nth", found, int(tokens.pop(0)))
            tokens.pop(0)
        else:
            found = _step(found, tokens.pop(0), tokens)
    return found


def _step(source: Any, name: str, tokens: list[str]) -> Any:
    if tokens[:1] != ["("]:
        return ("child", source, name)
    tokens.pop(0)
    arguments = [] if tokens[0] == ")" else [_union(tokens)]
    tokens.pop(0)
    match name, arguments:
        case "where", [criterion]:
            return ("where", source, criterion)
        case "exists", []:
            return ("exists", source)
        case "resolve", []:
            return ("resolve", source)
        case "first", []:
            return ("nth", source, 0)
        case (("as" | "ofType"), [("root", type_) | ("child", _, type_)]):
            return ("as", source, type_)
        case "hasExtension", [("literal", url)]:
            return ("exists", ("extension", source, url))
        case "extension", [("literal", url)]:
            return ("extension", source, url)
    raise AssertionError(name)
