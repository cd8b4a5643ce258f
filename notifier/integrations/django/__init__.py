"""Notifier in a Django project."""
