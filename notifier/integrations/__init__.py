"""Where the users are: thin doors from other people's frameworks to `notifier.tasks`, independent of each other."""
