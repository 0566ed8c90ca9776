import json
import threading
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from parcels.service import Service


class ServiceTest(unittest.TestCase):
    def start(self, **options):
        service = Service(port=0, **options)
        threading.Thread(target=service.serve_forever).start()
        self.addCleanup(service.server_close)
        self.addCleanup(service.shutdown)
        return service

    def get(self, service, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{service.port}{path}") as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def test_it_quotes(self):
        status, body = self.get(self.start(), "/quote?grams=1200&zone=EU")
        self.assertEqual((status, json.loads(body)), (200, {"cents": 1430, "zone": "EU"}))

    def test_it_explains_what_it_cannot_quote(self):
        service = self.start()
        self.assertEqual(self.get(service, "/quote?grams=10&zone=MOON")[0], 400)
        self.assertEqual(self.get(service, "/quote?grams=heavy")[0], 400)

    def test_it_is_alive_but_not_ready_without_tariffs(self):
        service = self.start(tariffs=Path("/nonexistent.json"))
        self.assertEqual(self.get(service, "/healthz")[0], 200)
        self.assertEqual(self.get(service, "/readyz")[0], 503)

    def test_it_counts_its_requests(self):
        service = self.start()
        self.get(service, "/quote?grams=10")
        self.get(service, "/nowhere")
        body = self.get(service, "/metrics")[1]
        self.assertIn('parcels_requests_total{path="/quote",status="200"} 1', body)
        self.assertIn('parcels_requests_total{path="other",status="404"} 1', body)
