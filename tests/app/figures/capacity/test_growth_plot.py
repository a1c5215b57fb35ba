from leafscope.app.figures.capacity.growth_plot import times_words


def test_multiples_are_whole_where_they_are_large() -> None:
    assert [times_words(x) for x in (1.0, 7.0, 128.0, 8191.0, 1170.14)] == ["1.00", "7.00", "128", "8,191", "1,170"]
