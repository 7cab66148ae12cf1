"""Parses YAML and JSON with the line of each key."""

import json
from pathlib import Path
from typing import Any

import yaml

# libyaml's parser, ten times as fast; PyYAML's wheels contain it
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Block(dict[str, Any]):
    """A mapping, its line, and the lines of its keys."""

    line = 1

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}

    def line_of(self, *keys: str) -> int:
        """Return the line of a nested key, or of the deepest part of its path that exists."""
        block: Any = self
        line = self.line
        for key in keys:
            if not isinstance(block, Block) or key not in block:
                break
            line = block.lines[key]
            block = block[key]
        return line

    def at(self, *keys: str) -> Any:
        """Return a nested value; None if any part of its path does not exist."""
        value: Any = self
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value


def parse_yaml(text: str) -> Any:
    """Return the content of a YAML document, without lines.

    Raises
    ------
    yaml.YAMLError
        If it is not YAML.
    """
    return _Loader(text).get_single_data()


def read_yaml(path: Path) -> Block:
    """Read a YAML mapping; a file that does not exist is an empty one.

    Raises
    ------
    yaml.YAMLError
        If it is not YAML.
    """
    return _parse(path.read_text(encoding="utf-8")) if path.exists() else Block()


def read_json(path: Path) -> Block:
    """Read a JSON object; a file that does not exist is an empty one.

    Raises
    ------
    json.JSONDecodeError
        If it is not JSON.
    """
    if not path.exists():
        return Block()
    text = path.read_text(encoding="utf-8")
    json.loads(text)
    # JSON is YAML too, and YAML's nodes have lines
    return _parse(text)


def _parse(text: str) -> Block:
    loader = _Loader(text)
    node = loader.get_single_node()
    content = _value(loader, node) if node else None
    return content if isinstance(content, Block) else Block()


def _value(loader: Any, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        block = Block()
        block.line = node.start_mark.line + 1
        for key_node, value_node in node.value:
            key = str(key_node.value)
            block.lines[key] = key_node.start_mark.line + 1
            block[key] = _value(loader, value_node)
        return block
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, child) for child in node.value]
    return loader.construct_object(node)


def line_containing(path: Path, text: str) -> int:
    """Return the first line of a file that contains a text; 1 if none does."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if text in line), 1)
