"""`notifier demo`: the whole job on one machine, with servers of its own and a page to read the mail on."""
