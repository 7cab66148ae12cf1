"""The generated modules of the storefront's Python client.

``models`` and ``operations`` come from the OpenAPI document, ``synchronous`` from the client's
asynchronous classes. ``files`` returns all of them.
"""
