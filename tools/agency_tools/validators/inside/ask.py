"""The asker: sends the request on standard input to the socket, prints the answer. Waits for the service to begin."""

import socket
import sys
import time


def main(path: str, request: str, patience: float) -> None:
    """Ask once; exit code 3 where nobody listens."""
    until = time.monotonic() + patience
    while True:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            try:
                connection.connect(path)
            except OSError:
                if time.monotonic() > until:
                    sys.exit(3)
                time.sleep(0.01)
                continue
            connection.sendall(request.encode() + b"\n")
            with connection.makefile("rb") as stream:
                sys.stdout.buffer.write(stream.read())
            return


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
