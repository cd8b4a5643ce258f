"""What happened, for people and machines: listens to the events of the model."""
