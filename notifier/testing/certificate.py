"""A certificate that nobody trusts but who is given its CA: made at the start, gone at the end."""

from __future__ import annotations

import shutil
import ssl
import tempfile
from pathlib import Path


class ThrowAwayCertificate:
    """For ``host`` and localhost. Raises `RuntimeError` with what to install where trustme is missing."""

    def __init__(self, host: str) -> None:
        try:
            import trustme  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise RuntimeError(
                "a throw-away certificate needs trustme: pip install 'notifier-worker[testing]', or starttls=False"
            ) from error
        authority = trustme.CA()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        authority.issue_cert(host, "localhost").configure_cert(self.context)
        self._folder = Path(tempfile.mkdtemp(prefix="notifier-catching-"))
        authority.cert_pem.write_to_path(str(self.ca_file))

    @property
    def ca_file(self) -> Path:
        """The PEM file to trust."""
        return self._folder / "ca.pem"

    def close(self) -> None:
        """Remove the file."""
        shutil.rmtree(self._folder, ignore_errors=True)
