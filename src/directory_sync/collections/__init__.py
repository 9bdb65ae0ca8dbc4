"""What people do to saved collections: save, delete, restore, import, export; and what a version changes."""
