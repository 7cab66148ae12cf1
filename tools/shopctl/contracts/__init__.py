"""Contracts that can evolve: their documents, what has been released of them, and what changed.

``generate``   the OpenAPI and AsyncAPI documents of a checkout, from its code and manifests
``asyncapi``   the AsyncAPI document
``documents``  the committed documents, and whether they still say what the code does
``wire``       what of a document is a promise: all but the prose
``schemas``    what differs between two JSON Schemas, and who can read whom
``apis``       what differs between two releases of an API
``events``     what differs between two releases of an event type
``changes``    a change, and whom it breaks
``snapshots``  the promises that have been released, frozen in ``libs/contracts/snapshots``
``sources``    where in the code a promise is written
``check``      all of it together, as findings
"""
