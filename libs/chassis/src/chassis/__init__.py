"""The microservice chassis: what every service needs, without business rules.

Serving requests

``api``            a Chalice app that serves the operations of a contract
``parsing``        JSON bodies to contract types
``email_addresses``  the rule for email addresses
``json_text``      repeated members and control characters, which a decoder would accept
``queries``        query parameters to contract types and back
``preconditions``  ``ETag`` and ``If-Match``: the version that a caller may change
``problems``       the errors that become problem answers
``cursors``        signed pagination cursors
``openapi``        the OpenAPI document of a contract
``health``         the health checks of a service

Calling other services

``client``         calls to other services, with retries and a circuit breaker
``transport``      signed HTTP requests
``retry``          the rules for further attempts
``threads``        two calls at the same time, in the context of one request
``breaker``        the circuit breaker

Storing and publishing

``records``        PynamoDB models: tables, versions, documents
``contention``     bounds the attempts to change a record that others change
``backfill``       adds new attributes to old records
``relay``          stream records to published events
``consumer``       events to handlers; failures are retried or parked
``parking``        moves messages that cannot be handled to a dead-letter queue

In every service

``startup``        the start of a function: garbage collection, snapshots
``settings``       environment variables as one typed object
``context``        trace, correlation id and deadline of a request or event
``log``            JSON log lines and metrics
``tracing``        spans of requests, events and calls
``aws_spans``      spans of calls to AWS
``otlp``           spans as the bytes that export them
``redaction``      masks card numbers and other secrets
``aws``            the clients of AWS
``aws_client``     the chassis's own client of the services on the hot paths
``s3_client``      the same for objects of S3
``signing``        the signatures of requests to AWS
``credentials``    the credentials and region of the process
``connections``    the HTTP connections of the process
``clock``          the current time
``ids``            new and derived ids
``money``          amounts of money for people
"""
