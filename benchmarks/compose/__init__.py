"""What composing costs, beside other composers."""
