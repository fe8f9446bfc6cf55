import pytest

from server.validation.validate import validate

_OPEN = '<div xmlns="http://www.w3.org/1999/xhtml">'


def _issues(div: object) -> list[tuple[str, str]]:
    issues = validate(
        {"resourceType": "Basic", "code": {"text": "a"}, "text": {"status": "generated", "div": div}}
    )
    assert {issue.expression for issue in issues} <= {("Basic.text.div",)}
    return [(issue.code, issue.diagnostics) for issue in issues]


@pytest.mark.parametrize(
    "inside",
    [
        "text",
        "<p>a<br/>b</p>",
        '<table class="x" style="y"><tr><td colspan="2">a</td></tr></table>',
        '<a href="https://example.org" title="a">a</a> <a name="b"/>',
        '<img src="#a" alt="a"/>',
        '<img src="data:image/png;base64,AAAA"/>',
        "&lt;script&gt; &amp; &#160;é",
        "<!-- a comment --> text",
        '<span xml:lang="en" lang="en" xml:space="preserve">a</span>',
        "<![CDATA[a < b]]>",
    ],
)
def test_plain_xhtml_is_a_narrative(inside: str) -> None:
    assert _issues(f"{_OPEN}{inside}</div>") == []


@pytest.mark.parametrize(
    ("div", "says"),
    [
        ("text", "well-formed XML"),
        ("<div>", "well-formed XML"),
        (f"{_OPEN}<p>a</div>", "well-formed XML"),
        (f"{_OPEN}a</div><div/>", "well-formed XML"),
        (f"{_OPEN}a&nbsp;b</div>", "&nbsp;"),
        (f"{_OPEN}a & b</div>", "well-formed XML"),
        (f"{_OPEN}\ud800</div>", "well-formed XML"),
        ("<div>a</div>", "namespace"),
        ('<p xmlns="http://www.w3.org/1999/xhtml">a</p>', "one <div>"),
        (f"{_OPEN}</div>", "some text"),
        (f"{_OPEN} <p> </p><!-- a --></div>", "some text"),
        (f"{_OPEN}a<script>alert(1)</script></div>", "'script'"),
        (f"{_OPEN}a<SCRIPT>alert(1)</SCRIPT></div>", "'SCRIPT'"),
        (f"{_OPEN}a<iframe/></div>", "'iframe'"),
        (f"{_OPEN}a<form/></div>", "'form'"),
        (f"{_OPEN}a<object/></div>", "'object'"),
        (f'{_OPEN}a<s:svg xmlns:s="http://www.w3.org/2000/svg"/></div>', "'svg'"),
        (f'{_OPEN}<p onclick="a()">a</p></div>', "'onclick'"),
        (f'{_OPEN}<p OnClick="a()">a</p></div>', "'OnClick'"),
        (f'{_OPEN}<a href="javascript:alert(1)">a</a></div>', "'href'"),
        (f'{_OPEN}<a href=" JavaScript :alert(1)">a</a></div>', "'href'"),
        (f'{_OPEN}<a href="java&#10;script:alert(1)">a</a></div>', "'href'"),
        (f'{_OPEN}<img src="data:image/svg+xml,a"/></div>', "'src'"),
        (f'{_OPEN}<a href="vbscript:a">a</a></div>', "'href'"),
        (f'{_OPEN}<a href="data:text/html,a">a</a></div>', "'href'"),
        (f'<!DOCTYPE div [<!ENTITY a "b">]>{_OPEN}&a;</div>', "DOCTYPE"),
        (f'<?xml version="1.0"?>{_OPEN}a</div>', "processing instruction"),
        (f"{_OPEN}a<?php echo 1 ?></div>", "processing instruction"),
    ],
)
def test_what_is_no_narrative_is_refused(div: str, says: str) -> None:
    ((code, sentence),) = _issues(div)
    assert code == "value"
    assert says in sentence


@pytest.mark.parametrize("div", [None, 5, {}, []])
def test_a_narrative_is_a_string(div: object) -> None:
    assert [code for code, _ in _issues(div)] == ["structure"]


def test_entities_that_multiply_are_not_even_read() -> None:
    bomb = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    ((_, sentence),) = _issues(f'<!DOCTYPE div [<!ENTITY a0 "ha">{bomb}]>{_OPEN}&a9;</div>')
    assert "DOCTYPE" in sentence


def test_every_offence_is_named_once() -> None:
    issues = _issues(f'{_OPEN}a<b onclick="x" onload="y"><script/><script/></b></div>')
    assert len(issues) == 3
