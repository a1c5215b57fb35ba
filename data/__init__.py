"""What the package brings along: small tables, the protocol of the claims, and trained examples."""
