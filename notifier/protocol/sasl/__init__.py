"""SASL mechanisms (RFC 4422) as SMTP uses them (RFC 4954): pure, one exchange each. `choice` says which to try."""
