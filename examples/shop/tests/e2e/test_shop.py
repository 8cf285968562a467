"""What a customer sees, over the network."""

import os
import urllib.request

WEB_URL = os.environ["WEB_URL"]


def test_orders_are_on_the_page():
    with urllib.request.urlopen(WEB_URL + "/", timeout=5) as answer:
        page = answer.read().decode()
    assert "2 x tea" in page
