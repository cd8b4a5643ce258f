"""What the project sells."""
