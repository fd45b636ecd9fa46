"""Results as files: maps, lists, reports, generated patches."""
