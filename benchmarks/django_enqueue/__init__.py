"""Enqueueing through Django's API: our backend beside django-celery-email's."""
