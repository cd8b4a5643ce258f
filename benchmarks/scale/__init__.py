"""What replicas on one store carry: measured up to eight, simulated up to a thousand."""
