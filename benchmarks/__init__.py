"""What Notifier costs beside its neighbours, measured: programs that write tables, never assertions in tests."""
