"""Web pages kept in a folder, for runs that must find the same web each time: HOST/PATH, as they were served."""

import mimetypes
import posixpath
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from agency_tools.errors import ToolError
from agency_tools.web_connection import LARGEST, Answer, checked

INDEX = "index.html"
"""What a path that is a folder answers with."""


@dataclass(frozen=True, kw_only=True)
class StoredPages:
    """The pages below `folder`, in the place of a connection; nothing else is reached. A file without an ending is HTML."""

    folder: Path

    async def get(self, url: str) -> Answer:
        """The page of that URL; 404 where its host has none such. Raises ToolError for a host that is not kept."""
        parts = checked(url)
        host = self.folder / parts.netloc
        if not host.is_dir():
            raise ToolError(f"{parts.netloc} cannot be connected to: this run has no network but its stored pages")
        path = self._file(host, unquote(parts.path))
        if path is None:
            return Answer(url=parts.geturl(), status=404, content_type="text/plain", body=b"not found\n")
        body = path.read_bytes()
        kind = mimetypes.guess_type(path.name)[0] or "text/html"
        return Answer(url=parts.geturl(), status=200, content_type=kind, body=body[:LARGEST], cut=len(body) > LARGEST)

    def _file(self, host: Path, path: str) -> Path | None:
        """The file of a path, which lies below the host's folder whatever dots and links it has."""
        found = host / posixpath.normpath(f"/{path}").lstrip("/")
        found = found / INDEX if found.is_dir() else found
        return found if found.is_file() and found.resolve().is_relative_to(host.resolve()) else None
