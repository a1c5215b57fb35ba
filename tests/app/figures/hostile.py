"""Names that a person might choose, and that must stay text."""

HOSTILE = ('<a href="javascript:alert(1)">x</a>', "<img src=x onerror=alert(1)>", "<i>a</i> & **b**\n_c_ \u202e`d` $e$")
