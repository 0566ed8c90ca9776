import unittest

from units import celsius


class Units(unittest.TestCase):
    def test_water(self):
        self.assertEqual(celsius(212), 100)
