"""uvicorn's socket protocol, with a way to cut a connection short."""

from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode


class AbortableWebSocketProtocol(WebSocketsSansIOProtocol):
    """Hands the application `scope["extensions"]["descent.abort"]["call"]`.

    Closing waits until the client has read what was written. So a client that has stopped reading
    would stay connected for ever; aborting does not wait.
    """

    def handle_connect(self, event: Any) -> None:
        """Take a handshake as uvicorn does, and add the abort call to its scope."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions["descent.abort"] = {"call": self.transport.abort}

    def data_received(self, data: bytes) -> None:
        """Take data as uvicorn does, but cut off a client that sends before the handshake's answer.

        A client has to wait for that answer: RFC 6455, section 4.1.
        """
        if self.handshake_initiated and not self.handshake_complete:
            self.transport.abort()
            return
        super().data_received(data)

    def send_receive_event_to_app(self) -> None:
        """Hand a message on as uvicorn does, but log no traceback for text that is not UTF-8."""
        if self.curr_msg_data_type == "text" and not _is_utf8(b"".join(self.frames)):
            self.frames = []
            self.conn.send_close(CloseCode.INVALID_DATA)
            self.handle_parser_exception()
            return
        super().send_receive_event_to_app()

    async def send(self, message: Any) -> None:
        """Send as uvicorn does, but to no client that is gone; an answer ends a handshake."""
        if self.transport.is_closing():
            raise ClientDisconnected  # uvicorn would blame the application
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True  # otherwise uvicorn logs an error


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
