"""Linking: a template with its layout, partials and macros becomes one piece of code.

What Jinja2 does for each mail is done once: looking up imports, walking from block to block, calling macros that call macros,
asking the sandbox about every attribute of a theme. Whatever is not surely the same stays as it was, or the template is
`NotLinked` and rendered as Jinja2 renders it.
"""
