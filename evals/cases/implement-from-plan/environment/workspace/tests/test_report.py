import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path


class Report(unittest.TestCase):
    def test_a_day(self):
        folder = tempfile.mkdtemp()
        subprocess.run([sys.executable, "report.py", "2026-03-01"], env={**os.environ, "REPORT_DIR": folder}, check=True)
        self.assertEqual(len(Path(folder, "report-2026-03-01.csv").read_text().splitlines()), 3)
