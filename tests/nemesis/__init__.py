"""Processes are killed, frozen and cut off at every moment that counts; a checker tells what became of the mails."""
