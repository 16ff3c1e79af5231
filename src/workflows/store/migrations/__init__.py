"""How the schema came about, one revision after another; run by `store.schema`."""
