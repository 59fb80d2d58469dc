//! Station 1: bytes become a fact.
