"""HTML pages saved as .xls, the way many web applications "export to Excel".

The page is laid out as a spreadsheet program would show it: every text outside a table is a row, every
table a block of rows. Tables inside cells, which scrolling tables of web sites consist of (names left, values
right, headers apart), are laid side by side again, the n-th block of each cell of a row at the same height.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import html  # type: ignore[import-untyped]

from ingestion.outcome import FileRefused
from ingestion.readers.encoding import form_of
from ingestion.readers.grid import Grid, GridDocument
from ingestion.readers.header import Merge
from ingestion.readers.source import Source

_DEEPEST = 20
_WIDEST = 16_384
_SPAN = 1000
_CELLS = ("td", "th")
_SILENT = ("script", "style", "head", "template")
_LINES = ("p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "li", "center", "caption", "br")


@dataclass
class _Block:
    """Rows of texts with the merged cells among them."""

    rows: list[list[str]] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)

    @property
    def width(self) -> int:
        return max(map(len, self.rows), default=0)

    def put(self, top: int, left: int, block: _Block) -> None:
        """Write another block into this one."""
        self.rows += [[] for _ in range(top + len(block.rows) - len(self.rows))]
        for row, texts in enumerate(block.rows, top):
            here = self.rows[row]
            here += [""] * (left + len(texts) - len(here))
            here[left : left + len(texts)] = texts
        self.merges += [(a + top, b + left, c + top, d + left) for a, b, c, d in block.merges]


def open_document(source: Source, encodings: tuple[str, ...], limit_mb: int) -> GridDocument:
    """The page as one sheet; raises FileRefused."""
    if source.size > limit_mb << 20:
        raise FileRefused(
            "too_large",
            f"Halaman {source.name} berukuran {source.size >> 20} MB, paling besar {limit_mb} MB. Buka "
            "dengan Excel, simpan sebagai .csv lalu kirim lagi.",
        )
    form = form_of(source, encodings)
    with source.open() as file:
        file.seek(form.start)
        # Entities of a document type are never expanded by the HTML parser, and nothing is fetched.
        # libxml2 writes its names of encodings without Python's second hyphen.
        encoding = form.encoding.replace("utf-16-", "utf-16")
        parser = html.HTMLParser(encoding=encoding, no_network=True, huge_tree=False, remove_comments=True)
        root = html.parse(file, parser).getroot()
    has_table = root is not None and next(root.iter("table"), None) is not None
    sheet = _stacked(_blocks(root, 0)) if has_table else _Block()
    if not sheet.rows:
        raise FileRefused(
            "wrong_format",
            f"Berkas {source.name} adalah halaman HTML/XML tanpa tabel. Buka dengan Excel, simpan "
            "sebagai .xlsx, lalu kirim lagi.",
        )
    width = sheet.width
    rows = [row + [""] * (width - len(row)) for row in sheet.rows]
    return GridDocument(source.name, [Grid("", width, lambda: iter(rows), sheet.merges)], is_named=False)


def _stacked(blocks: Iterator[_Block]) -> _Block:
    page = _Block()
    for block in blocks:
        page.put(len(page.rows), 0, block)
    return page


def _blocks(element: Any, depth: int) -> Iterator[_Block]:
    """Texts and tables in the order of the page."""
    words: list[str] = []

    def line() -> Iterator[_Block]:
        text = " ".join(" ".join(words).split())
        words.clear()
        if text:
            yield _Block([[text]])

    # An own stack: pages may nest deeper than Python's calls.
    stack = [iter([("open", element)])]
    while stack:
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
            continue
        kind, node = step
        if kind == "text":
            words.append(node or "")
            continue
        if node is not element and node.tag == "table":
            yield from line()
            yield _table(node, depth + 1)
            continue
        if not isinstance(node.tag, str) or node.tag in _SILENT:
            continue
        if node.tag in _LINES:
            yield from line()
        stack.append(_steps(node))
    yield from line()


def _steps(node: Any) -> Iterator[tuple[str, Any]]:
    yield "text", node.text
    for child in node:
        yield "open", child
        yield "text", child.tail


def _table(table: Any, depth: int) -> _Block:
    block = _Block()
    if depth > _DEEPEST:
        return block
    # Column → first row that is free again below a cell that spans several rows.
    free_from: dict[int, int] = {}
    for row in _rows(table):
        if row.tag != "tr":
            nested = (
                _table(row, depth + 1) if row.tag == "table" else _Block([["".join(row.itertext()).strip()]])
            )
            block.put(len(block.rows), 0, nested)
            continue
        _put_row(block, row, free_from, depth)
    return block


def _rows(table: Any) -> Iterator[Any]:
    for child in table:
        if child.tag in ("thead", "tbody", "tfoot"):
            yield from _rows(child)
        elif child.tag in ("tr", "table", "caption"):
            yield child


def _put_row(block: _Block, row: Any, free_from: dict[int, int], depth: int) -> None:
    top, column = len(block.rows), 0
    block.rows.append([])
    cells = []
    for cell in row:
        if cell.tag not in _CELLS:
            continue
        while free_from.get(column, 0) > top:
            column += 1
        if column >= _WIDEST:
            break
        if next(cell.iter("table"), None) is not None:
            # Tables inside: their columns are this row's columns.
            parts = list(_blocks(cell, depth))
            cells.append((column, parts))
            column += max((part.width for part in parts), default=1)
            continue
        down, right = _span(cell, "rowspan"), min(_span(cell, "colspan"), _WIDEST - column)
        cells.append((column, [_Block([[" ".join(cell.text_content().split())]])]))
        if down > 1 or right > 1:
            block.merges.append((top, column, top + down - 1, column + right - 1))
            free_from.update(dict.fromkeys(range(column, column + right), top + down))
        column += right
    height = 0
    for part in range(max((len(parts) for _, parts in cells), default=0)):
        band = [(left, parts[part]) for left, parts in cells if part < len(parts)]
        for left, piece in band:
            block.put(top + height, left, piece)
        height += max(len(piece.rows) for _, piece in band)


def _span(cell: Any, name: str) -> int:
    try:
        return max(1, min(int(cell.get(name, 1)), _SPAN))
    except ValueError:
        return 1
