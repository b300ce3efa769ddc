"""Market stories, seeded, on the native core: ``headrace scenario run NAME``."""
