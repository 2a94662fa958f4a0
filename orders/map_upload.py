"""A code map's file between its preview and its confirmation: what is stored is what one person was shown of it."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from integrations.models import Connection
from inventory.alias_file import visible
from orders import map_file
from orders.map_file import MapFile
from orders.models import MapUpload


class Changed(Exception):
    """The map is not what it was when the file was previewed."""


def of_file(connection: Connection, of_map: str, user: Any, name: str, content: bytes, *, anyway: bool) -> MapUpload:
    """What an uploaded file is, not saved yet."""
    return MapUpload(
        connection=connection, map=of_map, user=user, file_name=visible(PurePath(name).name)[-200:] or "file",
        content=zlib.compress(content), anyway=anyway,
    )  # fmt: skip


def read(upload: MapUpload, columns: Sequence[str]) -> MapFile:
    return map_file.read(zlib.decompress(upload.content), columns)


def fingerprint(
    upload: MapUpload, data: MapFile, map_rows: QuerySet[Any], columns: Sequence[str], key_of: Callable[[Any], object]
) -> str:  # fmt: skip
    """Of the file, what it is for, and what the map says now under the keys that it names.

    `data` is what was read of the file, and `key_of` a row is what the map knows it by.
    """
    known = {key_of(row): list(row.values()) for row in map_rows.values(*columns)}
    named = [known.get(key_of(row)) for row in data.dict]
    content = hashlib.sha256(zlib.decompress(upload.content)).hexdigest()
    planned_on = json.dumps([upload.map, upload.connection_id, upload.anyway, content, named])
    return hashlib.sha256(planned_on.encode()).hexdigest()


def take(upload: MapUpload) -> bool:
    """Whether this is the one who stores it, inside the transaction that does: it is gone for everybody else."""
    return bool(MapUpload.objects.filter(pk=upload.pk).delete()[0])


def forget_old() -> None:
    """Previews that nobody has confirmed."""
    MapUpload.objects.filter(uploaded_at__lt=timezone.now() - MapUpload.KEPT_FOR).delete()
