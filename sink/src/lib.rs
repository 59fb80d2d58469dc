//! Station 3: facts become views.
