"""SASL mechanisms (RFC 4422) as SMTP uses them (RFC 4954): pure, one exchange each."""

from notifier.protocol.sasl.choice import Credentials, Place, mechanisms_for
from notifier.protocol.sasl.mechanism import BindingRefused, Mechanism, MechanismFailed, NoToken
from notifier.protocol.sasl.scram import ChannelBinding

__all__ = [
    "BindingRefused",
    "ChannelBinding",
    "Credentials",
    "Mechanism",
    "MechanismFailed",
    "NoToken",
    "Place",
    "mechanisms_for",
]
