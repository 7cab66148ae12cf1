"""The published language of the toy shop: the schemas of its APIs and events.

Types only, without behavior. One module per service, and:

``schema``      the two kinds of message (``Input`` is strict, ``Output`` permits unknown fields)
``patterns``    patterns of texts, and what each requires in words
``money``       amounts of money
``journeys``    the journey of an order through the services
``operations``  API operations and their audiences
``headers``     request headers that operations require
``security``    the security scheme of each audience
``events``      CloudEvents, and the list of all event types
``health``      the health check of the private services
``problem``     the error answer (RFC 9457)
"""
