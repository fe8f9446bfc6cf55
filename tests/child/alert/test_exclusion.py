"""A child with whom social care works is suspended."""

import pytest

from tests import make
from tests.caller import Caller
from tests.child.alert.conftest import Alerts, ago, exclusion

NAME = "exclusion-in-care"


@pytest.mark.parametrize("code", ["SUSP", "PERM"])
def test_the_social_worker_has_it_on_the_list_at_once(
    alerts: Alerts, child: str, social_care: Caller, code: str
) -> None:
    [id] = alerts.write(exclusion(child, ago(0), code))
    [task] = alerts.tasks(child, NAME, social_care, "social-care")
    assert task["priority"] == "urgent"
    assert task["focus"] == {"reference": f"Observation/{id}"}
    evidence = {each["valueReference"]["reference"] for each in task["input"] if "valueReference" in each}
    assert f"Observation/{id}" in evidence
    assert any(each.startswith("EpisodeOfCare/") for each in evidence)


def test_nobody_is_told_where_social_care_does_not_work_with_the_child(alerts: Alerts) -> None:
    child = alerts.suite.post(make.child()).id
    alerts.write(make.episode(child, "school"), exclusion(child, ago(0)))
    assert alerts.all_tasks(child, NAME) == []
