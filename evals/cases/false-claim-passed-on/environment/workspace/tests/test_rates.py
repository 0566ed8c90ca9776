import unittest

from rates import cents, convert


class Rates(unittest.TestCase):
    def test_convert(self):
        self.assertEqual(convert(10, 1.5), 15.0)

    def test_half_a_cent_is_rounded_up(self):
        self.assertEqual(convert("1.00", "2.675"), 2.68)

    def test_cents(self):
        self.assertEqual(cents(2.675), 268)
