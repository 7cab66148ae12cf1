"""The documents of APIs and events, and whether a change of them breaks anyone.

``generate``   the OpenAPI and AsyncAPI documents of a checkout, from its code and manifests
``asyncapi``   the AsyncAPI document
``event_page`` the website's page of the AsyncAPI document
``documents``  the committed documents, compared with the generated ones
``wire``       the part of a document that others rely on: everything but descriptions
``schemas``    differences between two JSON Schemas
``apis``       differences between two releases of an API
``events``     differences between two releases of an event type
``changes``    a change, and whom it breaks
``snapshots``  the released contracts in ``libs/contracts/snapshots``
``sources``    the line of code that defines a type, field, operation or event type
``check``      runs all comparisons and reports findings
"""
