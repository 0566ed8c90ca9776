"""Session tokens: a name and an expiry, signed with HMAC-SHA256."""

import base64
import configparser
import hashlib
import hmac
import time

config = configparser.ConfigParser()
config.read("config.ini")
KEY = config["tokens"]["signing_key"].encode()
LIFETIME = config["tokens"].getint("lifetime")


def _signature(body, key):
    return base64.urlsafe_b64encode(hmac.new(key, body.encode(), hashlib.sha256).digest()).decode().rstrip("=")


def sign(name, now=None):
    """A token for `name`, good for LIFETIME seconds."""
    body = f"{name}.{int(now or time.time()) + LIFETIME}"
    return f"{body}.{_signature(body, KEY)}"


def verify(token, now=None):
    """The name in a good token; None for any other."""
    body, _, signature = token.rpartition(".")
    if not hmac.compare_digest(signature, _signature(body, KEY)):
        return None
    name, _, expires = body.rpartition(".")
    return name if int(expires) > (now or time.time()) else None
