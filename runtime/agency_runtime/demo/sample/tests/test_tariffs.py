import unittest

from parcels.tariffs import QuoteError, Tariff

EU = Tariff(base_cents=1070, cents_per_100_grams=30, max_grams=31500)


class TariffTest(unittest.TestCase):
    def test_every_100_grams_begun_count(self):
        self.assertEqual(EU.quote(1), 1100)
        self.assertEqual(EU.quote(100), 1100)
        self.assertEqual(EU.quote(101), 1130)

    def test_a_parcel_without_weight_is_refused(self):
        with self.assertRaises(QuoteError):
            EU.quote(0)

    def test_a_parcel_that_is_too_heavy_is_refused(self):
        with self.assertRaisesRegex(QuoteError, "31500"):
            EU.quote(31501)
