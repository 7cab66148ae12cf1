"""The portal's page of the AsyncAPI document: static, without a script."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_DOCUMENT = """\
<!doctype html>
<html lang="en-AU">
<head>
  <meta charset="utf-8">
  <title>Events · The Toy Shop</title>
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="description" content="The events of the toy shop, by topic.">
  <link rel="icon" href="/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/docs/portal.css">
</head>
<body>
  <header class="bar">
    <a class="brand" href="/"><img src="/icon.svg" alt="" width="32" height="32"> The Toy Shop</a>
    <nav aria-label="Documentation">
      <a href="/docs/index.html">API</a>
      <a href="/docs/events.html" aria-current="page">Events</a>
      <a href="/problems.html">Problems</a>
    </nav>
  </header>
  <main>
{content}
  </main>
</body>
</html>
"""

Schema = Mapping[str, Any]


def render(document: Mapping[str, Any]) -> str:
    """Return the page of an AsyncAPI document, as HTML.

    Parameters
    ----------
    document
        The document as ``asyncapi.document`` makes it.
    """
    return _DOCUMENT.format(content="\n".join(_content(document)))


def _content(document: Mapping[str, Any]) -> Iterator[str]:
    messages = document["components"]["messages"]
    yield "<h1>Events</h1>"
    for paragraph in document["info"]["description"].split("\n\n"):
        yield f"<p>{_text(paragraph)}</p>"
    yield '<p><a href="/docs/asyncapi.json">The AsyncAPI document</a></p>'
    yield '<nav class="contents" aria-label="Contents"><ul>'
    yield from (f'<li><a href="#{escape(name)}">{escape(name)}</a></li>' for name in messages)
    yield "</ul></nav>"
    for name, channel in document["channels"].items():
        yield f"<h2>{escape(name)}</h2>"
        address = escape(channel["address"])
        yield f"<p>{_text(channel['description'])} Its name is <code>{address}</code>.</p>"
        yield "<ul>"
        for operation in document["operations"].values():
            if operation["channel"]["$ref"].endswith(f"/{name}"):
                yield f"<li>{escape(operation['summary'])}: {_listed(operation['messages'])}</li>"
        yield "</ul>"
        for type_ in channel["messages"]:
            yield from _message(messages[type_])
    yield "<h2>Types</h2>"
    for name, schema in document["components"]["schemas"].items():
        yield f'<section class="type" id="{escape(name)}"><h3>{escape(name)}</h3>'
        yield f"<p>{_text(schema.get('description', ''))}</p>"
        yield from _fields(schema)
        yield "</section>"


def _listed(references: list[Schema]) -> str:
    names = [reference["$ref"].rpartition("/")[2] for reference in references]
    return ", ".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in names)


def _message(message: Schema) -> Iterator[str]:
    name = escape(message["name"])
    yield f'<section class="message" id="{name}"><h3><code>{name}</code></h3>'
    data = _type(message["payload"]["properties"]["data"])
    yield f"<p>{_text(message['summary'])} Its <code>data</code> is {data}.</p>"
    yield from _fields(message["payload"])
    for example in message.get("examples", ()):
        text = escape(json.dumps(example["payload"], indent=2, ensure_ascii=False), quote=False)
        yield f"<details><summary>Example</summary><pre>{text}</pre></details>"
    yield "</section>"


def _fields(schema: Schema) -> Iterator[str]:
    required = schema.get("required", ())
    yield '<div class="table"><table>'
    yield "<tr><th>Member</th><th>Type</th><th>Meaning</th></tr>"
    for name, described in schema.get("properties", {}).items():
        optional = "" if name in required else " (optional)"
        yield (
            f"<tr><td><code>{escape(name)}</code>{optional}</td><td>{_type(described)}</td>"
            f"<td>{_text(described.get('description', ''))}</td></tr>"
        )
    yield "</table></div>"


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if values:
        return ", ".join(f"<code>{escape(json.dumps(value))}</code>" for value in values)
    if schema.get("type") == "array":
        return f"array of {_type(schema['items'])}"
    kind = str(schema.get("type", "any value"))
    return f"{kind} ({schema['format']})" if "format" in schema else kind


def _text(markdown: str) -> str:
    """Return a description as HTML: text with code between backticks."""
    parts = escape(markdown, quote=False).split("`")
    return "".join(
        f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts)
    )
