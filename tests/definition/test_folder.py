"""Where the data is found, in a checkout and in a wheel."""

from server.definition import folder


def test_in_a_checkout_the_data_stands_beside_the_code():
    assert (folder.root() / "server" / "definition" / "folder.py").is_file()
    assert folder.profiles().is_dir()
    assert folder.terminology().is_dir()
    assert folder.migrations() == folder.root() / "migrations"


def test_in_a_wheel_the_data_stands_inside_the_package(tmp_path, monkeypatch):
    share = tmp_path / "server" / "share"
    share.mkdir(parents=True)
    monkeypatch.setattr(folder, "_PACKAGE", tmp_path / "server")
    assert folder.root() == share
    assert folder.profiles() == share / "profiles"
