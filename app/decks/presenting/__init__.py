"""What a lecturer asks a slide for during the talk: answers to a question round, the address of its view and the QR code.

Imported by the deck's file (`as_html`); it knows slides and configurations, and no Streamlit.
"""
