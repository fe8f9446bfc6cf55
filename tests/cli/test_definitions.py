import shutil

from server.definition.archive import NAME
from server.definition.folder import terminology


def test_the_terminology_that_ships_is_what_its_tables_make(childrecord, tmp_path):
    target = tmp_path / "terminology"
    shutil.copytree(terminology(), target)
    result = childrecord("terminology", "build", "--into", str(target))
    assert result.exit_code == 0, result.output
    for made in target.rglob("*.json"):
        assert made.read_bytes() == (terminology() / made.relative_to(target)).read_bytes()


def test_the_archive_is_made_of_the_definitions_of_a_package(childrecord, tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "CodeSystem-x.json").write_text(
        '{"resourceType": "CodeSystem", "id": "x", "url": "http://x.example/x"}'
    )
    result = childrecord("definitions", "build", str(package), "--into", str(tmp_path / NAME))
    assert result.exit_code == 0, result.output
    assert "1 definitions written" in result.output
