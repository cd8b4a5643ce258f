"""`QuickCode`: the code of a template, linked or not, by Jinja2's generator, with shorter ways for what mails are made of.

A shorter way is taken where types say, as the mail is rendered, that the general one comes to the same: text, a plain dict, an imported
file, Jinja2's own loop and macros. All else goes on to the general one, which stands beside it, and so do names that the sandbox
keeps from templates. Where it raises, Jinja2's own code renders the mail.
"""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, nodes
from jinja2.compiler import CodeGenerator, Frame, optimizeconst
from jinja2.filters import do_default
from jinja2.sandbox import SandboxedEnvironment
from jinja2.tests import test_defined

from notifier.rendering.compiled_templates import CompiledTemplates
from notifier.rendering.sandbox import OF_A_DICT, Sandbox
from notifier.rendering.shared_code import code_of

# Of Jinja2's loop, what is no method.
_OF_A_LOOP = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "depth0", "previtem", "nextitem"}
)
# Of text, what takes text and numbers alone. `format` reads attributes, and is the sandbox's.
_OF_TEXT = frozenset(
    {"split", "rsplit", "splitlines", "strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "startswith", "endswith"}
)  # fmt: skip


def quick(environment: Environment) -> Environment:
    """One that prints the same files by `QuickCode`. What either compiles is no code of the other's."""
    made = environment.overlay()
    made.code_generator_class = QuickCode
    made.cache = CompiledTemplates()
    if (code := code_of(environment)) is not None:
        made.bytecode_cache = code.of_kind(f"{code.kind}, quick")
    return made


class QuickCode(CodeGenerator):
    """Prints what Jinja2's code prints."""

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:  # noqa: N802 - Jinja2's visitors are called so
        """Jinja2's own contract, as in all of these."""
        self.writeline("from notifier.rendering.printing import TEXT, called, escaped, held, one_piece")
        super().visit_Template(node, frame)

    def visit_Output(self, node: nodes.Output, frame: Frame) -> None:  # noqa: N802
        """All that a statement prints is one piece: each costs whoever takes it."""
        known = (nodes.Const, nodes.TemplateData)
        if frame.buffer is None and len(node.nodes) > 1 and not all(isinstance(one, known) for one in node.nodes):
            frame = frame.copy()
            frame.buffer = "yield one_piece"
        super().visit_Output(node, frame)

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.autoescape and not frame.eval_ctx.volatile and finalize.src is None:
            self.write("escaped(")
        else:
            super()._output_child_pre(node, frame, finalize)

    def visit_Test(self, node: nodes.Test, frame: Frame) -> None:  # noqa: N802
        """``is defined``, without making an undefined value to ask about."""
        if isinstance(node.node, nodes.Name) and self.environment.tests.get(node.name) is test_defined:
            self.write(f"(not {_undefined(frame.symbols.ref(node.node.name))})")
        else:
            super().visit_Test(node, frame)

    def visit_Filter(self, node: nodes.Filter, frame: Frame) -> None:  # noqa: N802
        """``default``, likewise."""
        match node:
            case nodes.Filter(
                node=nodes.Name(name=name), args=[nodes.Const() as other], kwargs=[], dyn_args=None, dyn_kwargs=None
            ) if self.environment.filters.get(node.name) is do_default:
                ref = frame.symbols.ref(name)
                self.write("(")
                self.visit(other, frame)
                self.write(f" if {_undefined(ref)} else {ref})")
            case _:
                super().visit_Filter(node, frame)

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802
        """What a name's dict holds, or its file, and what is known of a turn of a loop; what a dict holds that one of these holds."""
        match node.node:
            case nodes.Name(name=name) if quick := _quick(node.attr, frame.symbols.ref(name)):
                self.write(f"({quick} else held(environment, ")
                self.visit(node.node, frame)
                self.write(f", {node.attr!r}))")
            case nodes.Getattr() if node.attr not in OF_A_DICT:
                self._visit_inner(node, frame)
            case _:
                super().visit_Getattr(node, frame)

    @optimizeconst
    def _visit_inner(self, node: nodes.Getattr, frame: Frame) -> None:
        held, name = self.temporary_identifier(), repr(node.attr)
        self.write(f"({held}[{name}] if type({held} := ")
        self.visit(node.node, frame)
        self.write(f") is dict and {name} in {held} else environment.getattr({held}, {name}))")

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: N802
        """A method of text."""
        match node:
            case nodes.Call(node=nodes.Getattr(attr=attr) as method, kwargs=[], dyn_args=None, dyn_kwargs=None) if (
                attr in _OF_TEXT and all(isinstance(one, nodes.Const) for one in node.args)
            ):
                self._call_of_text(node, method, frame)
            case _ if forward_caller or not _calls_as_jinja(self.environment):
                super().visit_Call(node, frame, forward_caller=forward_caller)
            case _:
                self.write("called(environment, context, ")
                self.visit(node.node, frame)
                vars_of = {"_loop_vars": frame.loop_frame, "_block_vars": frame.block_frame}
                self.signature(node, frame, {name: name for name, there in vars_of.items() if there})
                self.write(")")

    def _call_of_text(self, node: nodes.Call, method: nodes.Getattr, frame: Frame) -> None:
        text = self.temporary_identifier()
        given = ", ".join(repr(one.as_const()) for one in node.args)
        self.write(f"({text}.{method.attr}({given}) if type({text} := ")
        self.visit(method.node, frame)
        # Where markup is guarded, its methods are not to be called.
        self.write(") in TEXT else " if isinstance(self.environment, Sandbox) else ") is str else ")
        named = nodes.Getattr(_own_name(text), method.attr, "load", lineno=method.lineno)
        super().visit_Call(nodes.Call(named, node.args, [], None, None, lineno=node.lineno), frame)
        self.write(")")


def _undefined(ref: str) -> str:
    return f"({ref} is missing or isinstance({ref}, Undefined))"


def _quick(attribute: str, ref: str) -> str:
    """The value and its condition; empty where there is no shorter way. What a name ends in is a guess, and the type decides."""
    if ref.endswith("_loop") and attribute in _OF_A_LOOP:
        return f"{ref}.{attribute} if type({ref}) is LoopContext"
    if attribute not in OF_A_DICT:
        return f"{ref}[{attribute!r}] if type({ref}) is dict and {attribute!r} in {ref}"
    return ""


def _calls_as_jinja(environment: Environment) -> bool:
    """False where an environment does more as it calls something, or calls without a sandbox."""
    return getattr(type(environment), "call", None) is SandboxedEnvironment.call


def _own_name(name: str) -> nodes.InternalName:
    """As Jinja2's parser makes such: its class lets nobody else."""
    made = object.__new__(nodes.InternalName)
    nodes.Node.__init__(made, name)
    return made
