"""From the call to the settlement: intake, and the courier whose one page reads as the journey of a mail."""
