"""The pricing lab: drafts beside the catalog in force, and how they come to be published."""
