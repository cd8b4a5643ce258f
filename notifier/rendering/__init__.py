"""Templates to content. The only home of Jinja2."""

from notifier.rendering.library import TemplateLibrary, shipped_templates
from notifier.rendering.renderer import Renderer
from notifier.rendering.shared_code import SharedCode

__all__ = ["Renderer", "SharedCode", "TemplateLibrary", "shipped_templates"]
