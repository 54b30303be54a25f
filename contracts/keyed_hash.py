"""People and households as keyed hashes: the same person is known again, and nobody can tell who it is.

HMAC-SHA256 under a key that only the producers know. A plain hash would not do: there are so few telephone
and identity numbers that all of them can be tried. A hash carries the id of its key, so that the key can be
changed: hashes made with different keys are never compared.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata

LEAST_KEY_BYTES = 16


def keyed_hash(said: str, key: str, key_id: str) -> str:
    """The hash of what identifies somebody, such as `k1:9f86…`.

    Blanks, dashes, the width of signs and upper or lower case make no difference: exports write one number in
    several ways.
    """
    plain = unicodedata.normalize("NFKC", said).casefold()
    plain = "".join(sign for sign in plain if not sign.isspace() and sign != "-")
    return f"{key_id}:{hmac.new(key.encode(), plain.encode(), hashlib.sha256).hexdigest()}"


def key_id(keyed: str) -> str:
    """The id of the key a hash was made with; empty when it names none."""
    return keyed.rpartition(":")[0]
