from ledger import balanced


def test_balance():
    assert balanced([100, -60, -40])
    assert not balanced([1])
