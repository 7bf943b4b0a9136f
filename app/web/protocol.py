"""uvicorn's socket protocol, with a way to cut a connection short."""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class AbortableWebSocketProtocol(WebSocketsSansIOProtocol):
    """Hands the application `scope["extensions"]["descent.abort"]["call"]`.

    Closing waits until what has been written is read, so a client that has stopped reading would
    never be rid of; aborting does not wait.
    """

    def handle_connect(self, event: Any) -> None:
        """Take a handshake as uvicorn does, and add the way out to its scope."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions["descent.abort"] = {"call": self.transport.abort}

    async def send(self, message: Any) -> None:
        """Send as uvicorn does; who is refused with an answer has been answered."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True  # else uvicorn logs an error
