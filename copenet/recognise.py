"""What a dump is, without keeping anything of it."""

from __future__ import annotations

from pathlib import Path


def recognise(path: Path) -> dict[str, str | int]:
    """Return file name, format, container, and how many records could be read and how many not.

    Raises:
        InputError: There is no such file, or it holds no record of a known format.
    """
    from ingest.containers import Line, read_lines
    from ingest.formats import find_format
    from ingest.formats import recognise as judge
    from ingest.records import BadRecordError, decode

    source = find_format(path)
    kind, container = judge(path)
    kept = broken = 0
    for item in read_lines(path):
        if not isinstance(item, Line):
            broken += 1
            continue
        try:
            good = source.recognises(decode(item.data))
        except BadRecordError:
            good = False
        kept += good
        broken += not good
    return {"file": path.name, "format": kind, "container": container, "records": kept, "broken": broken}
