"""The microservice chassis: what every service needs, and no business rule.

``api``        a Chalice app that serves the operations of a contract
``problems``   the errors that become problem answers
``parsing``    bodies and queries into contract types, with the field named when one is wrong
``settings``   environment variables into one typed object
``context``    trace, correlation id and deadline of what is being handled
``client``     signed calls to other services
``records``    PynamoDB models: the table, versions, documents
``cursors``    opaque, signed positions in a list
``relay``      stream records into published events
``consumer``   events into handlers; what fails is retried or parked
``money``      amounts as people write them
``openapi``    the OpenAPI document of a contract
``log``        JSON lines, with secrets and card numbers masked
"""
