//! Pixels: decode, render, encode, and the worker process around them.
