import unittest

from tokens import signing


class Signing(unittest.TestCase):
    def test_a_token_is_good(self):
        self.assertEqual(signing.verify(signing.sign("ann")), "ann")

    def test_a_token_ends(self):
        self.assertIsNone(signing.verify(signing.sign("ann", now=1000), now=1000 + signing.LIFETIME + 1))

    def test_a_changed_token_is_refused(self):
        self.assertIsNone(signing.verify(signing.sign("ann").replace("ann", "bob")))
