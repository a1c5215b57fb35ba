"""The machine of Leafscope: tree layers, training, statistics, store and worker; imports neither streamlit nor app."""
