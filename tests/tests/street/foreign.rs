//! The words of the street in foreign mouths: the whole path on servers that nobody of this house wrote, and its facts
//! read by consumers that know nothing of this house.

mod consumers;
mod path;
mod registry;
mod servers;
