"""Routing logs in the store: under the hash of their content, once each."""

import pytest
from sqlalchemy import update

from leafscope.core.errors import RoutingError
from leafscope.core.routing import Routing, read_routing
from leafscope.core.store.schema import routing_logs
from leafscope.core.store.store import Store
from tests.core.routing.shapes import PLAIN, ids, npy


@pytest.fixture
def log() -> Routing:
    return read_routing(npy(ids()), name="Größe <b>")


def test_a_log_comes_back_as_it_was(db: Store, log: Routing) -> None:
    db.add_log(log)
    back = db.log(log.hash)
    assert back.hash == log.hash
    assert (back.name, back.notes, back.top_k) == (log.name, log.notes, 2)
    assert back.ids is not None
    assert (back.ids == log.ids).all()


def test_the_same_twice_is_the_same(db: Store) -> None:
    log, again = (read_routing(PLAIN.encode(), name=name) for name in ("one", "two"))
    assert db.add_log(log).name == db.add_log(again).name == "one"
    (info,) = db.logs()
    assert (info.log_id, info.name, info.about["experts"], info.shipped) == (log.hash, "one", 6, False)
    assert db.add_log(again, rename=True).name == db.logs()[0].name == db.log(log.hash).name == "two"


def test_a_removed_one_is_gone(db: Store, log: Routing) -> None:
    db.add_log(log)
    db.remove_log(log.hash)
    assert db.logs() == []
    for act in (db.log, db.remove_log):
        with pytest.raises(RoutingError, match="no routing log in this database has the address"):
            act(log.hash)


@pytest.mark.parametrize("damage", [{"data": b"x"}, {"log_id": "0" * 16}])
def test_a_damaged_one_says_so_and_is_listed(db: Store, log: Routing, damage: dict[str, object]) -> None:
    db.add_log(log)
    with db._write() as connection:
        connection.execute(update(routing_logs).values(damage | {"about": "{"}))
    (info,) = db.logs()
    with pytest.raises(RoutingError, match="is damaged"):
        db.log(info.log_id)
    assert info.about == {}
