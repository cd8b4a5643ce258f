"""Templates to content. The only home of Jinja2."""

from notifier.rendering.library import TemplateLibrary, shipped_templates
from notifier.rendering.renderer import Renderer

__all__ = ["Renderer", "TemplateLibrary", "shipped_templates"]
