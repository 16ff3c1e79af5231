"""Each test's database is its own: what one leaves, the next does not find."""

import pytest
from sqlalchemy import create_engine, inspect, text


@pytest.mark.parametrize("visit", ["first", "second"])
def test_a_table_left_behind_is_not_found_again(database_url: str, visit: str) -> None:
    engine = create_engine(database_url)
    before = set(inspect(engine).get_table_names())
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE left_behind (visit text)"))
    after = set(inspect(engine).get_table_names())
    engine.dispose()
    assert before, f"{visit} visit found an empty database"
    assert after - before == {"left_behind"}
