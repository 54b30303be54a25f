"""The HTTP gateway: CloudEvents over HTTP in, Kafka records out.

`messages` reads requests, `clients` knows who may send what, `courier` takes events to Kafka and brings the
acknowledgement back, `app` is the ASGI application that joins them, `server` what it runs in.
"""
