"""`store_attachment`: a file that many mails take along is stored once."""

from __future__ import annotations

import math

from notifier.errors import InvalidAttachment
from notifier.model.tenant import DEFAULT
from notifier.tasks.runtime import runtime

DAY = 86400.0


def store_attachment(attachment: object, *, keep: float = DAY, tenant: str = DEFAULT) -> dict[str, str]:
    """Store an attachment (as in ``attachments``) for mails of the next ``keep`` seconds.

    What is returned goes into ``attachments`` of any number of calls of that tenant; it is JSON and may be kept. Mails that
    have it keep it for as long as they need it. Raises `InvalidAttachment`, `MailTooLarge`, `StoreUnavailable`.
    """
    if isinstance(keep, bool) or not isinstance(keep, int | float) or not math.isfinite(keep) or keep <= 0:
        raise InvalidAttachment(f"keep is a number of seconds over 0, not {keep!r}")
    mine = runtime()
    mine.intake.check_tenant(tenant)
    file = mine.intake.read(attachment)
    blob = mine.store.shared.put(file.data, tenant=tenant, keep=keep)
    return {"blob": blob, "filename": file.filename, "content_type": file.content_type}
