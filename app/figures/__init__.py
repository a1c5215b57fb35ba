"""Figures: numbers and strings in, a Plotly figure, a sentence and a table out.

A figure knows nothing of Streamlit, the store or jobs. One folder for each page, `shared` for what they have in common.
"""
