"""What nobody may do on the admin's pages, whatever his permissions say."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest


class OnlyDecidedOn(admin.ModelAdmin):
    """Applications send mails, and what is over goes in its time: nothing is added or deleted by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        del request
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: a mail is given up or discarded."""
        del request, obj
        return False
