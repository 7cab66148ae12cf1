"""The published language of the toy shop: what the services say to each other and to clients.

Types only, no behaviour. One module per service, besides:

``schema``      the two kinds of message (``Input`` is strict, ``Output`` tolerates news)
``money``       amounts
``operations``  what an API operation is
``events``      CloudEvents and the list of all event types
``problem``     the error answer (RFC 9457)
"""
