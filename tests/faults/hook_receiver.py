"""A subscriber in a process of its own, to be killed: notes each request in a file before it answers.

Called with a port and the file's path. Imports nothing but the standard library, so that it is back at once.
"""

import asyncio
import json
import os
import random
import sys

_SLOWEST_SECONDS = 0.01
"""Between noting and answering; whoever dies meanwhile has sent, but was not answered."""


async def receive(port: int, path: str) -> None:
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
                event = json.loads(await reader.readexactly(int(fields[b"content-length"])))
                line = f"{fields[b'webhook-id'].decode()} {event['subject']} {event['sequence']}\n"
                os.write(log, line.encode())
                await asyncio.sleep(random.random() * _SLOWEST_SECONDS)
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(receive(int(sys.argv[1]), sys.argv[2]))
