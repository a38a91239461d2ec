"""Open any file that is read in a process of its own, by what its content says."""

from __future__ import annotations

from ingestion.outcome import FileRefused
from ingestion.readers import kinds
from ingestion.readers.reading import Reading
from ingestion.readers.source import Source


def open_document(source: Source, reading: Reading, is_member: bool = False) -> kinds.Document:
    """The file as a document; ``reading`` gives encodings and limits. Raises FileRefused.

    Libraries are imported only when a file needs them: the process starts anew for every file.
    """
    kind = kinds.kind_of(source)
    if kind == "workbook":
        from ingestion.readers import workbook

        return workbook.open_document(source, reading.max_workbook_mb)
    if kind == "page":
        from ingestion.readers import page

        return page.open_document(source, reading.encodings, reading.max_workbook_mb)
    if kind == "json":
        from ingestion.readers import records

        return records.RecordsDocument(source, reading.encodings, reading.max_workbook_mb)
    if kind == "archive":
        from ingestion.readers import archive

        if is_member:
            raise FileRefused(
                "nested_archive",
                f"{source.name} adalah arsip di dalam arsip. Kirim berkas datanya langsung, atau "
                "dalam satu ZIP.",
            )
        return archive.ArchiveDocument(source, lambda member: open_document(member, reading, is_member=True))
    from ingestion.readers import text

    return text.TextDocument(source)
