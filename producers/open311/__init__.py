"""Open311 GeoReport v2 in, case events out: a poller.

`answers` reads JSON and XML, `client` asks politely, `server` finds an endpoint and pages through its
requests, `cursor` remembers how far was read, `polling` joins them to the import of exports.
"""
