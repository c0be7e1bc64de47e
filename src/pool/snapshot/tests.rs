//! Tests of what a snapshot has that no public call shows: links.
