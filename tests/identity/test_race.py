"""Many who write one child at once make one record of it, where their agency has the alike refused."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from server.fhir.identifier import NHS_NUMBER
from tests import make
from tests.identity.test_door import robin


def status(client, child):
    """Of the answer; who is told that too much is asked at once asks again, as it is told to."""
    while True:
        try:
            return client.post(child).status
        except AssertionError as error:
            if "try again in a moment" not in str(error):
                raise


@pytest.mark.soak
@pytest.mark.parametrize("identified", [False, True])
def test_of_many_who_create_one_child_at_once_one_is_told_that_it_is_new(client_with, is_soak, identified):
    children, clients = (50, 200) if is_soak else (6, 12)
    known = [robin() for _ in range(children)]
    if identified:
        known = [{**each, "identifier": [make.identifier(make.nhs(), NHS_NUMBER)]} for each in known]
    refusing = client_with("refusing")

    def write(number):
        # Each begins with another child.
        order = (known[(number + at) % children] for at in range(children))
        return [status(refusing, child) for child in order]

    with ThreadPoolExecutor(clients) as pool:
        statuses = [status for found in pool.map(write, range(clients)) for status in found]
    assert sorted(set(statuses)) == [201, 409]
    assert statuses.count(201) == children
    for child in known:
        assert len(refusing.get(f"Patient?family={child['name'][0]['family']}").ids) == 1
