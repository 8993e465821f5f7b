"""Templates, made lighter once when they are read: most of a page is the same each time, and saying it anew takes longer than the rest.

They are kept for each language, so a text that is translated, an icon and the address of a file are plain text. An address in the
community is written as it was the first time, with its slug and ids put in.
"""

from html import escape
from uuid import UUID

from django.template import Context
from django.template.base import NodeList, TextNode, VariableNode, render_value_in_context
from django.template.defaulttags import IfNode, URLNode
from django.template.library import SimpleNode
from django.template.loaders import base, cached
from django.templatetags.i18n import LanguageNode, TranslateNode
from django.templatetags.static import StaticNode
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from .templatetags import qx, tenancy

SAME = (qx.icon, qx.star, tenancy.root_url, tenancy.html_language)  # tags that say the same of the same, in one language
STAND_INS = [UUID(int=number) for number in (2**96 + 1, 2**96 + 2)]


class Lightened(base.Loader):
    def get_template(self, template_name, skip=None):
        template = super().get_template(template_name, skip)
        lighten(template.nodelist)
        return template


class Loader(cached.Loader, Lightened):
    """Keeps what was read, for each language."""

    def cache_key(self, template_name, skip=None):
        return f"{get_language()} {super().cache_key(template_name, skip)}"


def lighten(nodes):
    """In place, since blocks and partials are known by their lists."""
    lighter = []
    for node in map(_lighter, nodes):
        if type(node) is TextNode and lighter and type(lighter[-1]) is TextNode:
            lighter[-1] = TextNode(lighter[-1].s + node.s)
        else:
            lighter.append(node)
    nodes[:] = lighter


def _lighter(node):
    if _is_same(node):
        return TextNode(node.render(Context()))
    if type(node) is VariableNode:
        return _instead(node, Value(node.filter_expression))
    if type(node) is URLNode and _is_literal(node.view_name) and not node.kwargs and len(node.args) <= len(STAND_INS):
        return _instead(node, Address(node.view_name, node.args, node.kwargs, node.asvar))
    if not isinstance(node, LanguageNode):  # another language than the one it is kept for
        for inner in _inside(node):
            lighten(inner)
    return node


def _instead(node, lighter):
    lighter.token, lighter.origin = node.token, node.origin  # by which an error is found
    return lighter


def _inside(node):
    if isinstance(node, IfNode):
        return [inner for _condition, inner in node.conditions_nodelists]
    found = (getattr(node, name, None) for name in node.child_nodelists)
    return [inner for inner in found if isinstance(inner, NodeList)]


def _is_same(node):
    if type(node) is TranslateNode:
        said, context = node.filter_expression, node.message_context
        literal = getattr(said.var, "literal", None)
        return isinstance(literal, str) and not said.filters and not node.asvar and (context is None or _is_literal(context))
    if type(node) is StaticNode:
        return node.varname is None and _is_literal(node.path)
    if type(node) is SimpleNode and node.func in SAME:
        return node.target_var is None and all(map(_is_literal, [*node.args, *node.kwargs.values()]))
    return False


def _is_literal(expression):
    return not expression.is_var and not expression.filters


class Value(VariableNode):
    """The same as Django's, with a short way for what nearly all values are."""

    def render(self, context):
        value = self.filter_expression.resolve(context)
        kind = type(value)
        if kind is SafeString:
            return value
        if kind is str:
            return escape(value) if context.autoescape else value
        return str(value) if kind is int else render_value_in_context(value, context)


class Address(URLNode):
    """Of a page by its name, with ids. The pattern is looked up once."""

    def __init__(self, *args):
        super().__init__(*args)
        self.ways = {}  # addresses -> the way behind the slug

    def render(self, context):
        ids = [arg.resolve(context) for arg in self.args]
        if any(type(each) is not UUID for each in ids):
            return super().render(context)
        place = get_urlconf()
        if place not in self.ways:
            self.ways[place] = self._way()
        if self.ways[place] is None:  # there is none here, which is an error or an empty address
            return super().render(context)
        address = get_script_prefix() + self.ways[place].format(*ids)
        if not self.asvar:
            return address
        context[self.asvar] = address
        return ""

    def _way(self):
        try:
            ids = STAND_INS[: len(self.args)]
            way = reverse(self.view_name.var, args=ids).removeprefix(get_script_prefix())
        except NoReverseMatch:
            return None
        way = way.replace("{", "{{").replace("}", "}}")
        for number, each in enumerate(ids):
            way = way.replace(str(each), f"{{{number}}}")
        return way
