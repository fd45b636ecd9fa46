"""Result records, tables, pages and pictures of documentation."""
