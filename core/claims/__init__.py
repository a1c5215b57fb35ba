"""The claims, tested by a protocol that is fixed before the reporting seeds are trained.

`protocol` reads the protocol and makes its sweeps, `judging` answers its questions at the same depth, `own_depth` compares the
models each at its own depth, `remarks` says what else a reader must know. They know tables of results, neither Streamlit nor
Plotly.
"""
