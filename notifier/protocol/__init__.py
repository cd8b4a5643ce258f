"""SMTP and LMTP without I/O: octets and commands in, octets and replies out. No socket, no clock, no thread.

- `reply`         what the server says, parsed strictly
- `extensions`    what the server can do
- `commands`      one command, one type, one `encode`
- `transparency`  dot-stuffing
- `connection`    framing: which reply answers which command, and when a connection is dead
- `dialogue`      the steps that the dialogues below ask of whoever owns the socket
- `handshake`     greeting, EHLO, STARTTLS, AUTH, as a generator
- `transaction`   one mail, as a generator
- `taxonomy`      what a reply or a loss means: the table of delivery faults
"""
