"""`python3 -m parcels`: serve until SIGTERM or SIGINT."""

import logging
import os
import signal
import threading

from parcels.service import Service


def main() -> None:
    level = os.environ.get("PARCELS_LOG_LEVEL", "info").upper()
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")
    service = Service(port=int(os.environ.get("PARCELS_PORT", "8080")))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=service.shutdown).start())
    logging.info("serving on port %d", service.port)
    service.serve_forever()


if __name__ == "__main__":
    main()
