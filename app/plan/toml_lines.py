"""The line of each key in a TOML file.

The parser of the standard library keeps no positions; the syntax tree of tree-sitter does.
"""

import tomllib
from collections.abc import Iterator

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

Path = tuple[str | int, ...]

_LANGUAGE = Language(tree_sitter_toml.language())
_KEYS = ("bare_key", "quoted_key", "dotted_key")


def find_lines(source: str) -> dict[Path, int]:
    """Return the line, from 1, of every table, key and array element of a valid TOML document."""
    lines: dict[Path, int] = {}
    lengths: dict[Path, int] = {}
    for node in Parser(_LANGUAGE).parse(source.encode()).root_node.named_children:
        if node.type == "pair":
            lines.update(_list_pair_lines((), node))
        elif node.type in ("table", "table_array_element"):
            path = _resolve_table(_parse_key(node), lengths)
            if node.type == "table_array_element":
                lengths[path] = lengths.get(path, 0) + 1
                lines.setdefault(path, _get_line(node))
                path = (*path, lengths[path] - 1)
            lines[path] = _get_line(node)
            for i in range(1, len(path)):
                lines.setdefault(path[:i], _get_line(node))
            for pair in node.named_children:
                if pair.type == "pair":
                    lines.update(_list_pair_lines(path, pair))
    return lines


def _get_line(node: Node) -> int:
    return node.start_point[0] + 1


def _parse_key(node: Node) -> Path:
    """Return the parts of the (dotted, quoted) key that a table or pair begins with."""
    key = next(child for child in node.named_children if child.type in _KEYS)
    parts: list[str] = []
    value = tomllib.loads(f"{(key.text or b'').decode()} = 0")
    while isinstance(value, dict):
        ((part, value),) = value.items()
        parts.append(part)
    return tuple(parts)


def _resolve_table(key: Path, lengths: dict[Path, int]) -> Path:
    """Return the path of a table: inside an array of tables, that of the array's last element."""
    path: Path = ()
    for i, part in enumerate(key):
        path = (*path, part)
        if i < len(key) - 1 and path in lengths:
            path = (*path, lengths[path] - 1)
    return path


def _list_pair_lines(above: Path, pair: Node) -> Iterator[tuple[Path, int]]:
    key = _parse_key(pair)
    for i in range(len(key)):
        yield (*above, *key[: i + 1]), _get_line(pair)
    yield from _list_value_lines((*above, *key), pair.named_children[1])


def _list_value_lines(path: Path, node: Node) -> Iterator[tuple[Path, int]]:
    inner = [child for child in node.named_children if child.type != "comment"]
    if node.type == "inline_table":
        for pair in inner:
            yield from _list_pair_lines(path, pair)
    elif node.type == "array":
        for i, element in enumerate(inner):
            yield (*path, i), _get_line(element)
            yield from _list_value_lines((*path, i), element)
