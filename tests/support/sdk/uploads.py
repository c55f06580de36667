"""Calls that send a file, and where they go: steps of a session."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from zohocrmsdk.src.com.zoho.crm.api.bulk_write import BulkWriteOperations, FileBodyWrapper
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.util import APIHTTPConnector, StreamWrapper


class _Pipe:
    """A stream that can be read once."""

    def __init__(self, content: bytes) -> None:
        self._source = BytesIO(content)

    def read(self, *size: int) -> bytes:
        """Read on."""
        return self._source.read(*size)


class Uploads:
    """What a session sends to the host of uploads."""

    def upload(self, host: str, text: str, *, once: bool = False) -> int:
        """Upload a file for a bulk write; return the status.

        Args:
            host: Where the environment has its uploads.
            once: The file is a stream that can be read only once.
        """
        Initializer.get_initializer().environment.file_upload_url = host
        stream: Any = _Pipe(text.encode()) if once else BytesIO(text.encode())
        body = FileBodyWrapper()
        body.set_file(StreamWrapper(name="leads.zip", stream=stream))
        return int(BulkWriteOperations().upload_file(body, None).get_status_code())

    def signed_upload(self, host: str, path: str) -> str:
        """Sign an upload as the SDK does; return where it goes."""
        Initializer.get_initializer().environment.file_upload_url = host
        connector = APIHTTPConnector()
        connector.url = host + path
        Initializer.get_initializer().token.authenticate(connector)
        return str(connector.url)
