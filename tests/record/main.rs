//! Records as seen from outside: the derive macro that makes them, and their schemas, also those that are made at run
//! time.

mod derive;
mod schemas;
mod shown;
