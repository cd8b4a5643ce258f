"""Notifier: a task-queue e-mail worker."""
