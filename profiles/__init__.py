"""One folder a city or street: what it chose, as data. Read by `gridrates.profile`."""
