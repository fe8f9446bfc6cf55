"""Two records that are to become one child, and what makes them so."""

from tests import make

REASON = "The birth certificate says so"


def merge(caller, source, target, **more):
    sent = [
        {"name": "source-patient", "valueReference": make.reference(f"Patient/{source}")},
        {"name": "target-patient", "valueReference": make.reference(f"Patient/{target}")},
        {"name": "reason", "valueString": REASON},
        *({"name": name.replace("_", "-"), **value} for name, value in more.items()),
    ]
    return caller.ask("POST", "Patient/$merge", {"resourceType": "Parameters", "parameter": sent})


def unmerge(caller, source):
    sent = [
        {"name": "source-patient", "valueReference": make.reference(f"Patient/{source}")},
        {"name": "reason", "valueString": "They are cousins"},
    ]
    return caller.ask("POST", "Patient/$unmerge", {"resourceType": "Parameters", "parameter": sent})


def told(answer):
    assert answer.status == 200, answer
    found = {}
    for each in answer.json["parameter"]:
        [value] = [value for name, value in each.items() if name != "name"]
        found.setdefault(each["name"], []).append(value)
    return found


def pair_of(suite):
    """Two records with an Observation each: (id of the source, of the target, of the two Observations)."""
    source, target = make.word("source-"), make.word("target-")
    noted = [make.word("noted-"), make.word("noted-")]
    entries = [
        make.put(make.child(id=source)),
        make.put(make.child(id=target)),
        make.put(make.observation(source, id=noted[0])),
        make.put(make.observation(target, id=noted[1])),
    ]
    assert suite.post(make.bundle("transaction", *entries)).status == 200
    return source, target, *noted


def ids(answer):
    assert answer.status == 200, answer
    return {each["resource"]["id"] for each in answer.json.get("entry", ())}
