"""The Indonesian language pack: one YAML of English message → Indonesian message, served in both forms.

Superset ships packs as files inside its own package and offers no place for another one. The browser asks
``/superset/language_pack/id/``: a fixed path goes before Superset's own route with a variable. The server
wants a compiled gettext catalogue in a folder; ``write_catalogue`` makes it.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import yaml
from flask import Blueprint, Response, jsonify

from ingestion import settings

SOURCE = Path(__file__).with_name("indonesian.yaml")
blueprint = Blueprint("pendopo", __name__)


@functools.cache
def messages() -> dict[str, str]:
    """English message → Indonesian message."""
    content: dict[str, str] = yaml.safe_load(SOURCE.read_text())
    return content


@functools.cache
def pack() -> dict[str, Any]:
    """The pack in Jed's form. Indonesian has one plural form."""
    head = {"domain": "superset", "plural_forms": "nplurals=1; plural=0", "lang": "id"}
    entries = {english: [indonesian] for english, indonesian in messages().items()}
    return {"domain": "superset", "locale_data": {"superset": {"": head, **entries}}}


def write_catalogue(folder: Path) -> None:
    """Write ``id/LC_MESSAGES/messages.mo`` under a folder of BABEL_TRANSLATION_DIRECTORIES."""
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo

    catalogue = Catalog(locale="id")
    for english, indonesian in messages().items():
        catalogue.add(english, indonesian)
    target = folder / "id" / "LC_MESSAGES"
    target.mkdir(parents=True, exist_ok=True)
    with (target / "messages.new").open("wb") as file:
        write_mo(file, catalogue)
    (target / "messages.new").replace(target / "messages.mo")


@blueprint.route("/superset/language_pack/id/")
def language_pack() -> Response:
    """The pack for the browser; open to everyone, because the login page needs it too."""
    return jsonify(pack())


@blueprint.route("/pendopo/logo.svg")
def logo() -> Response:
    """The region's name as the logo of the menu bar: a roof over a line, drawn, not a coat of arms."""
    region = yaml.safe_load(settings.region_file().read_text())
    colour = escape(region.get("theme", {}).get("primary", "#20536b"), {'"': "&quot;"})
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 260 40" width="260" height="40">'
        f'<g fill="{colour}"><path d="M4 20 24 5l20 15v3H4z"/>'
        '<path d="M9 26h4v9H9zM22 26h4v9h-4zM35 26h4v9h-4zM5 36h38v2H5z"/>'
        '<text x="54" y="28" font-family="Inter,Helvetica,Arial,sans-serif" font-size="21" font-weight="600">'
        f"Pendopo {escape(region['short_name'])}</text></g></svg>"
    )
    return Response(drawing, mimetype="image/svg+xml")
