//! Station 2: originals become renditions.
