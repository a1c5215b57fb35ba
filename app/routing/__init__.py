"""Parts of the page Routing: which log it shows, opening a file, and its figures."""
