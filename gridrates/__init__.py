"""The spine: settings, errors, profiles, Kafka clients, the one-pass pipeline and the command line."""

__version__ = "0.1.0"
