"""What published mail templates become: foundation-emails and mosaico, read where install_servers.sh unpacked them."""

from __future__ import annotations

import pytest
from published_templates import published

from notifier.rendering.text_alternative import text_alternative
from notifier.rendering.text_width import width

FOUNDATION, MOSAICO = "foundation-emails", "mosaico"
PAGES = "test/visual/pages/"
TEDC, VERSAFIX, TUTORIAL = (f"templates/{name}/template-{name}.html" for name in ("tedc15", "versafix-1", "tutorial"))

# The construct: package, file, what is in the text (in this order), and what is not.
CONSTRUCTS = {
    "a heading of the first rank": (FOUNDATION, "templates/order.html", ["Thanks for your order.\n======================\n"], []),
    "a table of an order": (FOUNDATION, "templates/order.html", ["\nItem           #  Price\n", "\nShip's Cannon  2  $100\n", "\nSubtotal:         $600\n"], []),
    "a label above its value": (FOUNDATION, "templates/order.html", ["\nPayment Method\nDubloons\n", "\nOrder ID\n"], []),
    "lines of an address": (FOUNDATION, "templates/order.html", ["\nCaptain Price\n123 Maple Rd\nCampbell, CA 95112\n"], []),
    "a dash by its reference": (FOUNDATION, "templates/order.html", ["(1\u20132 weeks)"], ["&ndash;"]),
    "a rule between parts": (FOUNDATION, "templates/order.html", ["$600\n\n-----", "\n\nWhat's Next?\n"], []),
    "a footer's logo without alt": (FOUNDATION, "templates/order.html", ["Call us at"], ["placehold", "170x30"]),
    "a style element above the mail": (FOUNDATION, "templates/order.html", [], ["background", "#f3f3f3", "{"]),
    "a comment to the author": (FOUNDATION, "templates/order.html", [], ["custom stylesheet"]),
    "two lists side by side": (FOUNDATION, "templates/newsletter.html", ["More Reading:\n", "\n* Lorem", "Get Involved:\n", "\n* Facebook\n* Twitter\n* Instagram\n"], []),
    "a masthead": (FOUNDATION, "templates/newsletter.html", ["The Insider\n===========\n"], []),
    "the line of unsubscribing": (FOUNDATION, "templates/newsletter.html", ["You received this email because", "unsubscribe."], []),
    "a link to nowhere": (FOUNDATION, "templates/newsletter.html", ["Click here to unsubscribe"], ["[1]", "#"]),
    "a heading of the second rank": (FOUNDATION, "templates/newsletter-2.html", ["This is a title\n---------------\n"], []),
    "sections of two columns": (FOUNDATION, "templates/newsletter-2.html", ["Sub Section Title\n\n", "\n\nSub Section Title\n\n"], []),
    "a small word in a heading": (FOUNDATION, "templates/hero.html", ["Title Ipsum This is a note.\n---"], []),
    "a menu of a footer": (FOUNDATION, "templates/hero.html", ["Terms Privacy Unsubscribe\n"], []),
    "social buttons in a row": (FOUNDATION, "templates/hero.html", ["Connect With Us:\n\n", "Twitter Facebook Google +\n"], []),
    "three columns of features": (FOUNDATION, "templates/marketing.html", ["Feature One\n\n", "Feature Two\n\n", "Feature Three\n\n"], []),
    "a footer with bars": (FOUNDATION, "templates/drip.html", ["| Manage Email Notifications | Unsubscribe"], []),
    "an arrow": (FOUNDATION, "templates/drip.html", ["Get smarter now \u21a3"], []),
    "a reset of a password": (FOUNDATION, "templates/password.html", ["Forgot Your Password?\n===", "Reset Password\n"], []),
    "a sidebar": (FOUNDATION, "templates/sidebar.html", ["Hello, Han Fastolfe\n---", "Sub-header\n", "Just a Plain Link \u00bb\n"], []),
    "a greeting with a menu": (FOUNDATION, "templates/welcome.html", ["About Course List Campus Map Contact\n"], ["placehold"]),
    "headings that only lay out": (FOUNDATION, PAGES + "grid.html", ["Thing 1  Thing 2  Thing 3\n\n", "\n\nOne Word\n\nLorem"], ["-----"]),
    "an expander's empty cell": (FOUNDATION, PAGES + "grid.html", ["One word\n\n"], ["expander"]),
    "images only": (FOUNDATION, PAGES + "images.html", [], ["p"]),
    "images by their alt": (FOUNDATION, PAGES + "visibility.html", ["furry friends\n\nimage of a cute kitty\n\nname\n\nage\n"], []),
    "rules in four colours": (FOUNDATION, PAGES + "hr.html", ["-" * 72 + "\n\n" + "-" * 72], ["solid", "red"]),
    "a telephone number behind words": (FOUNDATION, PAGES + "anchor.html", ["513-555-5555 <1-408-555-5555> magni"], ["tel:"]),
    "characters that tools spoil": (FOUNDATION, PAGES + "inliner-bugs.html", ["\n'\nInky issue", "\n\u2014\nInky issue", "\n\u2026\n", "\n&\nConfirmed"], ["&nbsp;\n", "gradient("]),
    "a linked heading of a story": (FOUNDATION, PAGES + "list.html", ["Feature Stories\n\n", "Rat Hearding\n\nOren Jellow\n"], []),
    "thumbnails without words": (FOUNDATION, PAGES + "thumbnail.html", ["watch out for smacing"], ["placehold"]),
    "spacers": (FOUNDATION, PAGES + "spacer.html", ["amet.\n\nLorem"], ["\n\n\n"]),
    "buttons as cells": (MOSAICO, TEDC, ["Plan Your Visit [1]\n", "\n[1] http://sierrawild.gov/wilderness/ansel-adams\n"], []),
    "linked images that say nothing": (MOSAICO, TEDC, ["Ansel Adams Wilderness\n---"], ["\n[1]\n\n", "gallery."]),
    "one number for a URL that comes twice": (MOSAICO, VERSAFIX, ["Unsubscribe [1]\n", "\n\nUnsubscribe [1]\n", "\n[1] "], []),
    "an arrow and a place below it": (MOSAICO, TEDC, ["Yosemite \u2192 [", "]\n\nCalifornia\n"], []),
    "icons beside their words": (MOSAICO, TEDC, ["NPS on Facebook [", "NPS on Twitter [", "NPS on YouTube ["], []),
    "a merge field as a URL": (MOSAICO, TEDC, ["unsubscribe [", "] from our list.\n", "] *|UNSUB|*\n"], []),
    "a mark between street and town": (MOSAICO, TEDC, ["1849 C Street N.W. \u2022 Washington"], []),
    "directives of an editor in the style sheet": (MOSAICO, VERSAFIX, ["View in your browser ["], ["-ko-", "@supports", "preheaderVisible"]),
    "a placeholder as a URL": (MOSAICO, VERSAFIX, ["] [unsubscribe_link]\n"], []),
    "columns with a button each": (MOSAICO, VERSAFIX, ["Title\n\nFar far away", "\n\nBUTTON\n\n", "BUTTON\n"], []),
    "icons in one row": (MOSAICO, VERSAFIX, ["\nFacebook Twitter Linkedin Instagram Youtube\n"], []),
    "a list of a fixed size": (MOSAICO, TUTORIAL, ["\n\n* item 1\n* item 2\n\n"], []),
}  # fmt: skip


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_a_published_construct_reads_well(construct: str) -> None:
    package, file, within, without = CONSTRUCTS[construct]
    text = text_alternative(published(package, file).read_text(encoding="utf-8"))
    at = 0
    for words in within:
        assert words in text[at:]
        at = text.index(words, at) + len(words.rstrip("\n"))
    assert [words for words in without if words in text] == []


@pytest.mark.parametrize(
    ("package", "folder"), [(FOUNDATION, "templates"), (FOUNDATION, PAGES), (MOSAICO, "templates")]
)
def test_every_published_template_is_tidy(package: str, folder: str) -> None:
    files = sorted(published(package, folder).rglob("*.html"))
    assert files
    for file in files:
        lines = text_alternative(file.read_text(encoding="utf-8")).split("\n")
        assert [line for line in lines if width(line) > 72 and not line.startswith("[")] == [], file.name
        assert "\n\n\n" not in "\n".join(lines), file.name
        assert [line for line in lines if line != line.rstrip()] == [], file.name
