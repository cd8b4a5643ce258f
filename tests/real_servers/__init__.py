"""Servers of Debian's packages for tests: each on free loopback ports, in a folder of its own, gone at the end."""
